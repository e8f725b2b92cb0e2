#include "analyzer/shift_beliefs.h"

static void complete(const struct syn_sightings *seen, unsigned side, struct syn_shift *sent,
                     struct syn_shift *received)
{
  *sent = seen->sent[side];
  *received = seen->received[side];
  if (!sent->known)
    *sent = *received;
  if (!received->known)
    *received = *sent;
  if (!sent->known)
    sent->present = received->present = true;
}

static uint8_t in_use(bool scales, const struct syn_shift *shift)
{
  if (!scales)
    return 0;
  return shift->shift > WINDOW_SHIFT_MAX ? WINDOW_SHIFT_MAX : shift->shift;
}

void shift_beliefs(const struct syn_sightings *seen, struct shift_belief belief[2])
{
  struct syn_shift sent[2], received[2];
  for (unsigned side = 0; side < 2; side++)
    complete(seen, side, &sent[side], &received[side]);
  for (unsigned side = 0; side < 2; side++) {
    unsigned other = side ^ 1u;
    bool scales = sent[side].present && received[other].present;
    bool other_scales = sent[other].present && received[side].present;
    belief[side] = (struct shift_belief){.known = sent[side].known,
                                         .announced = in_use(scales, &sent[side]),
                                         .read = in_use(other_scales, &received[side])};
  }
}
