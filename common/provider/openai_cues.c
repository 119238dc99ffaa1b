/* openai_cues.c — transcripts as subtitles: the words in them, and how long the audio is */
#include "provider/openai.h"

/* "00:01:02,500" or "01:02.500" in milliseconds; -1 when it is none. */
static int64_t cue_ms(struct str s)
{
	int64_t ms = 0, number;
	struct str piece, fraction;
	size_t point;

	s = str_slice(s, 0, str_find(s, ' '));
	point = str_find(s, ',') < s.n ? str_find(s, ',') : str_find(s, '.');
	fraction = str_slice(s, point + 1, s.n);
	s = str_slice(s, 0, point);
	while (str_next(&s, ':', &piece)) {
		if (!str_to_int(piece, 0, 9999, &number))
			return -1;
		ms = ms * 60 + number;
	}
	return str_to_int(fraction, 0, 999, &number) ? ms * 1000 + number : -1;
}

/* SRT and VTT: the times are no words, but the last of them is about the length of the audio. */
void openai_note_cues(struct call *c, struct str body)
{
	static const struct str arrow = STR_INIT("-->");
	struct str line;
	bool in_cue = false;
	int64_t ms;

	while (str_next(&body, '\n', &line)) {
		size_t at = str_find_str(line, arrow);

		line = str_trim(line);
		if (at < line.n) {
			at = str_find_str(line, arrow);
			ms = cue_ms(str_trim(str_slice(line, at + arrow.n, line.n)));
			if (ms > c->usage.audio_ms)
				c->usage.audio_ms = ms;
			in_cue = true;
		} else if (line.n == 0) {
			in_cue = false;
		} else if (in_cue) {
			token_meter_add(&c->meter, line);
			c->pieces++;
		}
	}
}
