#include "analyzer/socket_judge_internal.h"

#include "wire/timestamp.h"

/* The sampling stood still for so much of a wait: so did the host, or the program that samples. */
#define SILENCE_PERCENT 50

static bool is_sender_location(enum location location)
{
  return location == LOCATION_SENDER_APP || location == LOCATION_SENDER_TCP ||
         location == LOCATION_SENDER_QUEUE;
}

/* A host that answered all the time has not stood still. */
static void judge_pause(struct socket_case *one)
{
  const struct socket_sight *sight = &one->sender.socket;
  struct finding *finding = one->finding;
  if (!sight->sampled)
    return;
  const int64_t silence_ns =
      sample_store_silence_ns(sight->witness.store, sight->end, sight->from_ns, sight->until_ns);
  const int64_t span_ns = sight->until_ns - sight->from_ns;
  if (sight->samples > 0 && !time_is_share(silence_ns, span_ns, 100 - SOCKET_MAIN_PERCENT) &&
      time_is_share(sight->known_ns, span_ns, SOCKET_KNOWN_PERCENT)) {
    if (finding->cause != CAUSE_HOST_PAUSED)
      socket_exclude_cause(finding, CAUSE_HOST_PAUSED);
    return;
  }
  if (!time_is_share(silence_ns, span_ns, SILENCE_PERCENT) ||
      !is_sender_location(finding->location) || finding->confidence == CONFIDENCE_PROVEN ||
      !engine_captured_nothing(one->situation->analyzer, sight->from_ns, sight->until_ns))
    return;
  char length[32];
  socket_fact(finding, sight->end, sight->from_ns,
              "the host of %c was not sampled for %s, as if it stood still",
              socket_end_letter(sight), duration_words(silence_ns, length));
  socket_exclude_cause(finding, CAUSE_HOST_PAUSED);
  socket_leave_open(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                    "its own capture and its own sampling stood still in that time");
}

bool socket_judge_proves(const struct finding *finding, enum location location)
{
  return finding->location == location && finding->confidence == CONFIDENCE_PROVEN &&
         finding->kernel_count > 0 && finding->kernel[0].of_sender;
}

void socket_judge(const struct situation *situation, struct finding *finding)
{
  struct socket_case one = {.situation = situation, .finding = finding};
  if (finding->sender != situation->side ||
      (situation->stream->bytes == 0 && situation->other->bytes == 0))
    return; /* a handshake: there is no socket of both sides yet */
  socket_see_sender(&one);
  socket_see_receiver(&one);
  if (!one.sender.socket.sampled && !one.receiver.socket.sampled)
    return;
  const bool made = socket_judge_sender(&one);
  if (!made) {
    socket_judge_receiver(&one);
    socket_judge_device(&one);
  }
  if (finding->location == LOCATION_NONE)
    return;
  judge_pause(&one);
  if (one.sender.socket.longest.state != NULL)
    socket_tell_sender(&one);
  if (one.receiver.socket.longest.state != NULL && !is_sender_location(finding->location))
    socket_tell_receiver(&one);
}
