/* frame.c — what every reader of a framed stream has in common: letting go */
#include "net/frame.h"

void frame_release(struct frame_reader *in)
{
	buf_release(&in->pending);
	buf_release(&in->data);
	buf_release(&in->name);
	buf_release(&in->id);
}
