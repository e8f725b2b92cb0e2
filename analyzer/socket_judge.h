#ifndef ANALYZER_SOCKET_JUDGE_H
#define ANALYZER_SOCKET_JUDGE_H

/* What the hosts' own kernels make of a verdict that packets have reached: confirmed, corrected, or
 * left as it is. The sampled socket may be the data sender's, its receiver's, or there are both
 * (docs/sockets.md says what each state of a socket proves). */

#include "analyzer/situation.h"

/* Nothing happens where neither socket was sampled. Adds the kernels' evidence. */
void socket_judge(const struct situation *situation, struct finding *finding);

/* The same for a crawl that is told as a whole: what limited the sender, counted over its samples
 * and by the kernel's own clocks. */
void socket_judge_run(const struct analyzer *analyzer, const struct connection *connection,
                      struct finding *finding);

/* true: the sender's kernel itself proves that location; nothing that timestamps leave open
 * matters. */
bool socket_judge_proves(const struct finding *finding, enum location location);

#endif
