#include "cli/split_place.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* What the analysis remembers of other flows, and for how long (analyzer/engine.h, rules_hold.c,
 * rules_abort.c, hold_watch.c). */
#define RECENT_FRAMES     16u
#define MESSAGE_FRAMES    32u
#define MESSAGE_BYTES_MAX 512u
#define AGREED_WITHIN_NS  (100 * NS_PER_MS)
#define SILENCE_NS        (100 * NS_PER_MS)
#define BEHIND_NS         (6 * NS_PER_MS) /* a burst's frames are 5 ms apart, a kick 1 ms behind */
#define WATCHES           32u

/* Waits from this length on get the frames around them: below the default of --min-stall, and above
 * most round trips, after each of which a connection would need them. */
#define QUIET_NS (150 * NS_PER_MS)
/* Where several interfaces take turns, each of them is seen to be alive as often as this. */
#define ALIVE_NS (10 * NS_PER_MS)

/* Of context, the headers count: Ethernet, VLANs, two IPv6 headers and a tunnel's, TCP with
 * options.
 */
#define CONTEXT_BYTES 384u

#define INTERFACES_TRACKED 64u /* further ones count as the last of these */
#define SPEAKERS           (1u << 18)
#define FNV_OFFSET         UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME          UINT64_C(0x100000001b3)

struct kept_frame {
  struct split_frame frame; /* record.bytes and block are not used */
  int64_t time_ns;
  uint32_t part, interface; /* part: SPLIT_PARTS_MAX = none */
  struct ip_address src, dst;
  uint32_t captured_bytes; /* of bytes */
  uint8_t bytes[CONTEXT_BYTES];
};

/* When a side of a connection was heard last. Slots are shared: who was overwritten is taken for
 * one that has been quiet. */
struct speaker {
  uint64_t who; /* 0: empty */
  int64_t time_ns;
};

struct watch {
  struct ip_address src;
  int64_t until_ns;
};

struct part {
  uint64_t last_number;               /* written */
  int64_t now_ns[INTERFACES_TRACKED]; /* latest time written, by interface */
  struct watch watches[WATCHES];
  uint32_t next_watch;
  int64_t watching_until_ns; /* the latest of them */
};

struct split_place {
  struct split_sink sink;
  uint32_t parts;
  struct part *part;        /* of them */
  struct speaker *speakers; /* SPEAKERS of them */
  struct kept_frame recent[RECENT_FRAMES], messages[MESSAGE_FRAMES];
  uint64_t recent_count, message_count;
  /* the frame with the latest time, by interface; frame.mark.number 0: there is none */
  struct kept_frame latest[INTERFACES_TRACKED];
  uint32_t interfaces; /* highest tracked index + 1 */
  bool interface_seen[INTERFACES_TRACKED];
  bool kind_seen[PACKET_KIND_COUNT];
  bool strange_seen, drops_told;
  uint64_t first_flows[2]; /* the first two connections; 0: not yet */
};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
  const uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ at[i]) * FNV_PRIME;
  return hash;
}

static uint64_t hash_endpoint(uint64_t hash, const struct ip_address *address, uint16_t port)
{
  const uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};
  return hash_bytes(hash_bytes(hash, address, sizeof *address), bytes, sizeof bytes);
}

/* FNV-1a ends with its weakest bits low; they are folded. Never 0. */
static uint64_t finish_hash(uint64_t hash)
{
  hash ^= hash >> 32;
  hash *= FNV_PRIME;
  hash ^= hash >> 29;
  return hash != 0 ? hash : 1;
}

/* Both directions have the same. */
static uint64_t flow_of(const struct packet *packet)
{
  const int order = memcmp(&packet->src, &packet->dst, sizeof packet->src);
  const bool forward = order < 0 || (order == 0 && packet->src_port <= packet->dst_port);
  const struct ip_address *low = forward ? &packet->src : &packet->dst;
  const struct ip_address *high = forward ? &packet->dst : &packet->src;
  const uint16_t low_port = forward ? packet->src_port : packet->dst_port;
  const uint16_t high_port = forward ? packet->dst_port : packet->src_port;
  return finish_hash(hash_endpoint(hash_endpoint(FNV_OFFSET, low, low_port), high, high_port));
}

uint32_t split_part_of(const struct packet *packet, uint32_t parts)
{
  return (uint32_t)(flow_of(packet) % parts);
}

struct split_place *split_place_new(uint32_t parts, const struct split_sink *sink)
{
  struct split_place *place = calloc(1, sizeof *place);
  if (place == NULL)
    return NULL;
  place->sink = *sink;
  place->parts = parts;
  place->part = calloc(parts, sizeof *place->part);
  place->speakers = calloc(SPEAKERS, sizeof *place->speakers);
  if (place->part == NULL || place->speakers == NULL) {
    split_place_free(place);
    return NULL;
  }
  for (uint32_t p = 0; p < parts; p++)
    for (uint32_t i = 0; i < INTERFACES_TRACKED; i++)
      place->part[p].now_ns[i] = TIME_INVALID;
  return place;
}

void split_place_free(struct split_place *place)
{
  if (place == NULL)
    return;
  free(place->part);
  free(place->speakers);
  free(place);
}

/* As the analyzer has it: no clock shows such times. */
static bool is_credible(int64_t time_ns)
{
  return time_ns >= 0 && time_ns <= INT64_MAX / 2;
}

static uint32_t tracked(uint32_t interface)
{
  return interface < INTERFACES_TRACKED ? interface : INTERFACES_TRACKED - 1;
}

static void keep(struct kept_frame *kept, const struct split_frame *frame,
                 const struct packet *packet, uint32_t part)
{
  kept->frame = *frame;
  kept->frame.block = NULL;
  kept->frame.record.bytes = NULL;
  kept->time_ns = packet->time_ns;
  kept->part = part;
  kept->interface = tracked(packet->interface);
  kept->src = packet->src;
  kept->dst = packet->dst;
  kept->captured_bytes =
      frame->record.captured_bytes < CONTEXT_BYTES ? frame->record.captured_bytes : CONTEXT_BYTES;
  kept->frame.record.captured_bytes = kept->captured_bytes;
  if (kept->captured_bytes > 0)
    memcpy(kept->bytes, frame->record.bytes, kept->captured_bytes);
}

static void note_written(struct split_place *place, uint32_t p, uint64_t number, uint32_t interface,
                         int64_t time_ns)
{
  struct part *part = &place->part[p];
  int64_t *now_ns = &part->now_ns[interface];
  if (number > part->last_number)
    part->last_number = number;
  if (is_credible(time_ns) && (!time_is_valid(*now_ns) || time_ns > *now_ns))
    *now_ns = time_ns;
}

/* A frame from before, unless that part has it, or later ones already. */
static int write_kept(struct split_place *place, uint32_t p, const struct kept_frame *kept)
{
  if (kept->frame.mark.number == 0 || kept->frame.mark.number <= place->part[p].last_number)
    return 0;
  struct split_frame frame = kept->frame;
  frame.record.bytes = kept->bytes;
  if (kept->part != p && kept->part < SPLIT_PARTS_MAX)
    frame.mark.flags |= PART_MARK_CONTEXT;
  note_written(place, p, frame.mark.number, kept->interface, kept->time_ns);
  return place->sink.frame(place->sink.context, p, &frame);
}

/* Which interface has to be shown alive in a part before a frame of that time comes there, or
 * passes it by: the one whose latest frame is the oldest. INTERFACES_TRACKED: none. */
static uint32_t next_stale(const struct split_place *place, uint32_t p, int64_t time_ns,
                           bool to_be_written)
{
  const struct part *part = &place->part[p];
  uint32_t found = INTERFACES_TRACKED;
  for (uint32_t i = 0; i < place->interfaces; i++) {
    const struct kept_frame *latest = &place->latest[i];
    const int64_t known_ns = part->now_ns[i];
    if (latest->frame.mark.number <= part->last_number)
      continue;
    const bool turns = to_be_written && place->interfaces > 1 && time_is_valid(known_ns) &&
                       latest->time_ns - known_ns >= ALIVE_NS;
    const bool stale = turns || !time_is_valid(known_ns) || time_ns - known_ns >= SILENCE_NS;
    if (stale && (found == INTERFACES_TRACKED ||
                  latest->frame.mark.number < place->latest[found].frame.mark.number))
      found = i;
  }
  return found;
}

static int keep_alive(struct split_place *place, uint32_t p, int64_t time_ns, bool to_be_written)
{
  uint32_t i;
  int rc = 0;
  while (rc == 0 && (i = next_stale(place, p, time_ns, to_be_written)) < INTERFACES_TRACKED)
    rc = write_kept(place, p, &place->latest[i]);
  return rc;
}

static int write_frame(struct split_place *place, uint32_t p, const struct split_frame *frame,
                       const struct packet *packet, uint32_t owner)
{
  const bool late = (frame->mark.flags & PART_MARK_LATE) != 0;
  if (frame->mark.number <= place->part[p].last_number && !late)
    return 0; /* it has it */
  int rc = keep_alive(place, p, packet->time_ns, true);
  struct split_frame out = *frame;
  if (owner != p && owner < SPLIT_PARTS_MAX) {
    out.mark.flags |= PART_MARK_CONTEXT;
    if (!out.record.has_drop_count) { /* what it tells of the capture stays with it */
      out.block = NULL;
      if (out.record.captured_bytes > CONTEXT_BYTES)
        out.record.captured_bytes = CONTEXT_BYTES;
    }
  }
  if (rc != 0)
    return rc;
  if (!late)
    note_written(place, p, frame->mark.number, tracked(packet->interface), packet->time_ns);
  return place->sink.frame(place->sink.context, p, &out);
}

static int write_all(struct split_place *place, const struct split_frame *frame,
                     const struct packet *packet, uint32_t owner)
{
  int rc = 0;
  for (uint32_t p = 0; rc == 0 && p < place->parts; p++)
    rc = write_frame(place, p, frame, packet, owner);
  return rc;
}

/* ---- what all parts get ---- */

/* The first two connections show a part that its own are not the only ones. */
static bool is_first_flow(struct split_place *place, uint64_t flow)
{
  for (int i = 0; i < 2; i++) {
    if (place->first_flows[i] == flow)
      return false;
    if (place->first_flows[i] == 0) {
      place->first_flows[i] = flow;
      return true;
    }
  }
  return false;
}

static bool is_first_of_interface(struct split_place *place, uint32_t interface)
{
  const uint32_t i = tracked(interface);
  const bool first = !place->interface_seen[i];
  place->interface_seen[i] = true;
  if (i >= place->interfaces)
    place->interfaces = i + 1;
  return first;
}

/* Frames that say nothing of a connection: what is not seen may have been among them. */
static bool is_first_of_kind(struct split_place *place, uint8_t kind)
{
  if (kind != PACKET_CUT && kind != PACKET_FRAGMENT && kind != PACKET_MALFORMED &&
      kind != PACKET_UNSUPPORTED_LINK)
    return false;
  const bool first = !place->kind_seen[kind];
  place->kind_seen[kind] = true;
  return first;
}

static bool tells_of_drops(struct split_place *place, const struct pcapng_packet_record *record)
{
  const bool tells = record->has_drop_count && (record->drop_count > 0 || !place->drops_told);
  place->drops_told = place->drops_told || record->has_drop_count;
  return tells;
}

static bool is_first_strange(struct split_place *place, int64_t time_ns)
{
  const bool first = !place->strange_seen && !is_credible(time_ns);
  place->strange_seen = place->strange_seen || first;
  return first;
}

static bool ends_silence(const struct split_place *place, const struct packet *packet)
{
  const struct kept_frame *latest = &place->latest[tracked(packet->interface)];
  bool any = false;
  if (!is_credible(packet->time_ns))
    return false;
  if (latest->frame.mark.number != 0 && packet->time_ns - latest->time_ns >= SILENCE_NS)
    return true;
  for (uint32_t i = 0; i < place->interfaces; i++) {
    if (place->latest[i].frame.mark.number == 0)
      continue;
    any = true;
    if (packet->time_ns - place->latest[i].time_ns < SILENCE_NS)
      return false;
  }
  return any;
}

static bool is_for_all(struct split_place *place, const struct split_frame *frame,
                       const struct packet *packet)
{
  const uint8_t kind = packet->kind;
  bool all =
      kind == PACKET_ICMP_ERROR || kind == PACKET_ICMP || kind == PACKET_ARP || kind == PACKET_ND;
  /* each of these notes what it has seen */
  all = is_first_of_interface(place, packet->interface) || all;
  all = is_first_of_kind(place, kind) || all;
  all = is_first_strange(place, packet->time_ns) || all;
  all = tells_of_drops(place, &frame->record) || all;
  if (kind == PACKET_TCP)
    all = is_first_flow(place, flow_of(packet)) || all;
  return ends_silence(place, packet) || all;
}

/* ---- what the part of a connection gets ---- */

/* Has this side of the connection been quiet until now? with_data: of what it sends, payload
 * counts.
 */
static bool was_quiet(struct split_place *place, const struct packet *packet, uint64_t flow,
                      bool with_data)
{
  uint64_t who = hash_endpoint(flow, &packet->src, packet->src_port);
  who = finish_hash(with_data ? who ^ FNV_PRIME : who);
  struct speaker *speaker = &place->speakers[who % SPEAKERS];
  const bool quiet = speaker->who != who || packet->time_ns - speaker->time_ns >= QUIET_NS;
  *speaker = (struct speaker){who, packet->time_ns};
  return quiet;
}

static int write_recent(struct split_place *place, uint32_t p)
{
  const uint64_t count = place->recent_count;
  int rc = 0;
  for (uint64_t i = count > RECENT_FRAMES ? count - RECENT_FRAMES : 0; rc == 0 && i < count; i++)
    rc = write_kept(place, p, &place->recent[i % RECENT_FRAMES]);
  return rc;
}

/* The hosts' talk on connections of other parts. */
static int write_messages(struct split_place *place, uint32_t p, const struct packet *packet)
{
  const uint64_t count = place->message_count;
  int rc = 0;
  for (uint64_t i = count > MESSAGE_FRAMES ? count - MESSAGE_FRAMES : 0; rc == 0 && i < count;
       i++) {
    const struct kept_frame *message = &place->messages[i % MESSAGE_FRAMES];
    const bool same = (memcmp(&message->src, &packet->src, sizeof packet->src) == 0 &&
                       memcmp(&message->dst, &packet->dst, sizeof packet->dst) == 0) ||
                      (memcmp(&message->src, &packet->dst, sizeof packet->src) == 0 &&
                       memcmp(&message->dst, &packet->src, sizeof packet->dst) == 0);
    if (message->part == p || !same || packet->time_ns - message->time_ns > AGREED_WITHIN_NS)
      continue;
    struct split_frame frame = message->frame;
    frame.record.bytes = message->bytes;
    frame.mark.flags |= PART_MARK_CONTEXT | PART_MARK_LATE;
    rc = place->sink.frame(place->sink.context, p, &frame);
  }
  return rc;
}

static void watch_behind(struct part *part, const struct packet *packet)
{
  struct watch *watch = NULL;
  for (uint32_t i = 0; i < WATCHES && watch == NULL; i++)
    if (memcmp(&part->watches[i].src, &packet->src, sizeof packet->src) == 0)
      watch = &part->watches[i];
  if (watch == NULL)
    watch = &part->watches[part->next_watch++ % WATCHES];
  watch->src = packet->src;
  watch->until_ns = packet->time_ns + BEHIND_NS;
  if (watch->until_ns > part->watching_until_ns)
    part->watching_until_ns = watch->until_ns;
}

static bool is_watched(const struct part *part, const struct packet *packet)
{
  if (packet->time_ns > part->watching_until_ns)
    return false;
  for (uint32_t i = 0; i < WATCHES; i++)
    if (packet->time_ns <= part->watches[i].until_ns &&
        memcmp(&part->watches[i].src, &packet->src, sizeof packet->src) == 0)
      return true;
  return false;
}

static int write_own(struct split_place *place, const struct split_frame *frame,
                     const struct packet *packet, uint32_t owner)
{
  struct part *part = &place->part[owner];
  const uint64_t flow = flow_of(packet);
  bool quiet = was_quiet(place, packet, flow, false);
  if (packet->payload_bytes > 0)
    quiet = was_quiet(place, packet, flow, true) || quiet;
  int rc = 0;
  if (quiet)
    rc = write_recent(place, owner);
  if (rc == 0 && (packet->flags & TCP_RST) != 0)
    rc = write_messages(place, owner, packet);
  if (quiet || is_watched(part, packet)) /* it, or a burst's next frame */
    watch_behind(part, packet);
  return rc == 0 ? write_frame(place, owner, frame, packet, owner) : rc;
}

static int write_watched(struct split_place *place, const struct split_frame *frame,
                         const struct packet *packet, uint32_t owner)
{
  int rc = 0;
  for (uint32_t p = 0; rc == 0 && p < place->parts; p++)
    if (p != owner && is_watched(&place->part[p], packet))
      rc = write_frame(place, p, frame, packet, owner);
  return rc;
}

/* ---- frame by frame ---- */

static void remember(struct split_place *place, const struct split_frame *frame,
                     const struct packet *packet, uint32_t owner)
{
  struct kept_frame *latest = &place->latest[tracked(packet->interface)];
  keep(&place->recent[place->recent_count++ % RECENT_FRAMES], frame, packet, owner);
  if (is_credible(packet->time_ns) &&
      (latest->frame.mark.number == 0 || packet->time_ns >= latest->time_ns))
    keep(latest, frame, packet, owner);
  if (packet->kind == PACKET_TCP && (packet->flags & TCP_PSH) != 0 && packet->payload_bytes > 0 &&
      packet->payload_bytes <= MESSAGE_BYTES_MAX)
    keep(&place->messages[place->message_count++ % MESSAGE_FRAMES], frame, packet, owner);
}

/* A frame that was context in the whole, which is a part itself, is nobody's own. */
static uint32_t owner_of(const struct split_place *place, const struct packet *packet)
{
  return packet->kind == PACKET_TCP ? split_part_of(packet, place->parts) : SPLIT_PARTS_MAX;
}

int split_place_frame(struct split_place *place, const struct split_frame *frame,
                      const struct packet *packet)
{
  const uint32_t owner = owner_of(place, packet);
  int rc = 0;
  /* whatever it is: its number may be any, and nothing is to be reckoned by it */
  if ((frame->mark.flags & PART_MARK_LATE) != 0)
    return write_all(place, frame, packet, owner);
  const bool all = is_for_all(place, frame, packet);
  if (is_credible(packet->time_ns))
    for (uint32_t p = 0; rc == 0 && p < place->parts; p++)
      rc = keep_alive(place, p, packet->time_ns, false);
  if (rc == 0 && owner < SPLIT_PARTS_MAX)
    rc = write_own(place, frame, packet, owner);
  if (rc == 0 && (all || packet->kind == PACKET_OTHER_PART))
    rc = write_all(place, frame, packet, owner);
  else if (rc == 0)
    rc = write_watched(place, frame, packet, owner);
  remember(place, frame, packet, owner);
  return rc;
}

void split_place_section(struct split_place *place)
{
  place->recent_count = place->message_count = 0;
  for (uint32_t i = 0; i < INTERFACES_TRACKED; i++)
    place->latest[i].frame.mark.number = 0;
}

/* Connections that are open end with the capture: with its last frame. */
int split_place_end(struct split_place *place)
{
  int rc = 0;
  for (uint32_t p = 0; rc == 0 && p < place->parts; p++)
    rc = keep_alive(place, p, INT64_MAX, true);
  return rc;
}
