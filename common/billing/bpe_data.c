/* bpe_data.c — puts build/ranks/tables.bin into the program as read-only data
 *
 * By the assembler, not as a C array: five megabytes of numbers would take the compiler a minute.
 * The path is relative to the top of the tree, where make runs. Not relocated, so its pages are
 * shared by all processes and read from the file when they are first touched.
 */
#include "billing/bpe.h"

__asm__(".pushsection .rodata.bpe_data, \"a\", %progbits\n"
        ".balign 64\n"
        ".globl bpe_data\n"
        ".hidden bpe_data\n"
        ".type bpe_data, %object\n"
        "bpe_data:\n"
        ".incbin \"build/ranks/tables.bin\"\n"
        ".size bpe_data, . - bpe_data\n"
        ".popsection\n");
