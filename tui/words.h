#ifndef TUI_WORDS_H
#define TUI_WORDS_H

/* Numbers as a reader wants them: short. */

#include <stddef.h>
#include <stdint.h>

#define WORD_SIZE 32

/* "1.2s", "350ms", "3m05s", "-" if not known */
const char *word_duration(char out[WORD_SIZE], int64_t duration_ns);
/* "12.3MB" */
const char *word_bytes(char out[WORD_SIZE], double bytes);
/* "1.2Mbit/s"; "" for 0 */
const char *word_rate(char out[WORD_SIZE], double bytes_per_second);
/* "07:52:38.962" (UTC) */
const char *word_clock(char out[WORD_SIZE], int64_t time_ns);

#endif
