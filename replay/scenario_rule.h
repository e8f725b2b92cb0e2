#ifndef REPLAY_SCENARIO_RULE_H
#define REPLAY_SCENARIO_RULE_H

/* One rule of the scenario language, from its words; the inside of scenario_parse(). */

#include "replay/scenario.h"

/* words[0] is the direction, words[1] the verb; the words are cut into pieces. Fills *rule but its
 * line and text. On failure error->text says which word is wrong, without the line's number. */
int scenario_rule_parse(struct rule *rule, char **words, size_t count, struct error *error);

#endif
