/* All connections by address and port, against a plain list; what is given up first when there are
 * too many. */

#include "analyzer/flow_table.h"
#include "tests/support/packet_build.h"
#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct packet packet_between(uint32_t src_host, uint16_t src_port, uint32_t dst_host,
                                    uint16_t dst_port)
{
  return packet_tcp((struct packet_path){src_host, dst_host, src_port, dst_port}, 1, 1, TCP_ACK);
}

static struct connection *find(const struct flow_table *table, const struct packet *packet)
{
  struct flow_key key;
  bool swapped;
  flow_key_of(packet, &key, &swapped);
  return flow_table_find(table, &key, flow_hash(table, packet));
}

/* Adds as the engine does, which gives the identity. */
static struct connection *add(struct flow_table *table, const struct packet *packet, uint64_t id)
{
  struct flow_key key;
  bool swapped;
  flow_key_of(packet, &key, &swapped);
  struct connection *connection = flow_table_add(table, &key, flow_hash(table, packet));
  assert_non_null(connection);
  connection->id = id;
  return connection;
}

static struct packet back(const struct packet *packet)
{
  struct packet other = *packet;
  other.src = packet->dst;
  other.dst = packet->src;
  other.src_port = packet->dst_port;
  other.dst_port = packet->src_port;
  return other;
}

static struct packet random_packet(uint64_t *seed)
{
  struct packet packet = packet_between(random_below(seed, 4), (uint16_t)random_below(seed, 4),
                                        random_below(seed, 4), (uint16_t)random_below(seed, 4));
  if (random_once_in(seed, 2)) { /* IPv6: all 16 bytes count */
    packet.ip_version = 6;
    packet.src.bytes[random_below(seed, 16)] = (uint8_t)random_next(seed);
    packet.dst.bytes[random_below(seed, 16)] = (uint8_t)random_next(seed);
  }
  return packet;
}

static void both_directions_have_one_key(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 10), 0);
  uint64_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    struct packet there = random_packet(&seed), here = back(&there);
    struct flow_key a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    bool swapped_a, swapped_b;
    flow_key_of(&there, &a, &swapped_a);
    flow_key_of(&here, &b, &swapped_b);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(flow_hash(&table, &there), flow_hash(&table, &here));
    bool to_itself =
        there.src_port == there.dst_port && memcmp(&there.src, &there.dst, sizeof there.src) == 0;
    assert_true(to_itself || swapped_a != swapped_b);
    assert_memory_equal(&a.address[swapped_a ? 1 : 0], &there.src, sizeof there.src);
    assert_int_equal(a.port[swapped_a ? 1 : 0], there.src_port);
    assert_memory_equal(&a.address[swapped_a ? 0 : 1], &there.dst, sizeof there.dst);
    assert_int_equal(a.port[swapped_a ? 0 : 1], there.dst_port);
  }
  flow_table_free(&table);
}

static void every_part_of_the_key_counts(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 10), 0);
  const struct packet packet = packet_between(1, 1000, 2, 80);
  const struct connection *connection = add(&table, &packet, 1);
  struct packet other = back(&packet);
  assert_ptr_equal(find(&table, &other), connection);
  other = packet, other.end = 1;
  assert_null(find(&table, &other));
  other = packet, other.ip_version = 6;
  assert_null(find(&table, &other));
  other = packet, other.src_port = 80, other.dst_port = 1000; /* ports changed sides, hosts not */
  assert_null(find(&table, &other));
  for (size_t i = 0; i < 16; i++) {
    other = packet, other.src.bytes[i] ^= 1;
    assert_null(find(&table, &other));
    other = packet, other.dst.bytes[i] ^= 1;
    assert_null(find(&table, &other));
  }
  flow_table_free(&table);
}

static void new_connection_is_blank(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 10), 0);
  struct packet packet = packet_between(1, 1000, 2, 80);
  packet.end = 3;
  for (int round = 0; round < 2; round++) { /* the second time in used memory */
    struct connection *connection = add(&table, &packet, 1);
    assert_int_equal(connection->end, 3);
    assert_int_equal(connection->key.end, 3);
    assert_int_equal(connection->hash, flow_hash(&table, &packet));
    assert_int_equal(connection->flags, 0);
    assert_int_equal(connection->packets, 0);
    assert_null(connection->stream[0].trouble);
    assert_null(connection->stream[1].flight.segments);
    connection->packets = 5;
    connection->stream[1].snd_nxt = 7;
    flow_table_release(&table, connection);
    assert_null(find(&table, &packet));
  }
  flow_table_free(&table);
}

#define FLOWS 3000u

/* Which of the flows are in, by a plain list. */
struct listed {
  struct connection *connection[FLOWS];
  uint64_t id[FLOWS];
  uint32_t count;
};

static struct packet numbered(uint32_t flow)
{
  return packet_between(flow / 100, (uint16_t)(1000 + flow % 10), 1000 + flow % 100 / 10, 80);
}

struct visits {
  struct flow_table *table;
  struct listed *listed;
  uint32_t count, release_modulo;
};

static void visit(void *context, struct connection *connection)
{
  struct visits *visits = context;
  uint32_t flow = 0;
  while (flow < FLOWS && visits->listed->connection[flow] != connection)
    flow++;
  assert_true(flow < FLOWS);
  assert_int_equal(visits->listed->id[flow], connection->id);
  visits->count++;
  if (visits->release_modulo != 0 && flow % visits->release_modulo == 0) {
    flow_table_release(visits->table, connection);
    visits->listed->connection[flow] = NULL;
    visits->listed->count--;
  }
}

static void assert_each_visits_all(struct flow_table *table, struct listed *listed,
                                   uint32_t release_modulo)
{
  uint32_t expected = listed->count;
  struct visits visits = {table, listed, 0, release_modulo};
  flow_table_each(table, visit, &visits);
  assert_int_equal(visits.count, expected);
  assert_int_equal(table->count, listed->count);
}

static void does_what_a_list_does(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, FLOWS + 1), 0);
  struct listed *listed = calloc(1, sizeof *listed);
  assert_non_null(listed);
  uint64_t seed = 1, next_id = 1;
  for (int i = 0; i < 60000; i++) {
    uint32_t flow = random_below(&seed, FLOWS);
    struct packet packet = numbered(flow);
    if (random_once_in(&seed, 2))
      packet = back(&packet);
    struct connection *found = find(&table, &packet);
    assert_ptr_equal(found, listed->connection[flow]);
    if (found == NULL) {
      listed->id[flow] = next_id++;
      listed->connection[flow] = add(&table, &packet, listed->id[flow]);
      listed->count++;
    } else if (random_once_in(&seed, 3)) {
      assert_int_equal(found->id, listed->id[flow]);
      flow_table_release(&table, found);
      listed->connection[flow] = NULL;
      listed->count--;
    }
    assert_int_equal(table.count, listed->count);
    assert_null(flow_table_victim(&table));
  }
  assert_true(listed->count > FLOWS / 2);
  assert_each_visits_all(&table, listed, 0);
  assert_each_visits_all(&table, listed, 3);
  assert_each_visits_all(&table, listed, 1);
  assert_int_equal(listed->count, 0);
  free(listed);
  flow_table_free(&table);
}

static void released_memory_is_used_again(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 1000000), 0);
  uint64_t memory_after_first = 0;
  for (uint32_t round = 0; round < 5; round++) {
    struct connection *connections[2000];
    for (uint32_t i = 0; i < 2000; i++) {
      struct packet packet = packet_between(round, (uint16_t)i, 77, 80);
      connections[i] = add(&table, &packet, i + 1);
    }
    if (round == 0)
      memory_after_first = table.memory_bytes;
    for (uint32_t i = 0; i < 2000; i++)
      flow_table_release(&table, connections[i]);
  }
  assert_true(memory_after_first >= 2000 * sizeof(struct connection));
  assert_int_equal(table.memory_bytes, memory_after_first);
  flow_table_free(&table);
}

static void below_the_limit_nobody_has_to_go(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 3), 0);
  for (uint16_t i = 0; i < 3; i++) {
    assert_null(flow_table_victim(&table));
    struct packet packet = packet_between(1, i, 2, 80);
    add(&table, &packet, i + 1u);
  }
  assert_non_null(flow_table_victim(&table));
  flow_table_free(&table);
}

static void closed_connections_go_first(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 10), 0);
  struct connection *connections[10];
  for (uint16_t i = 0; i < 10; i++) {
    struct packet packet = packet_between(1, i, 2, 80);
    connections[i] = add(&table, &packet, i + 1u);
  }
  static const int closing[] = {7, 2, 5};
  for (size_t i = 0; i < 3; i++) {
    connections[closing[i]]->flags |= CONNECTION_CLOSED | CONNECTION_REFERENCED;
    connection_list_push(&table.closed, connections[closing[i]]);
  }
  for (size_t i = 0; i < 3; i++) { /* in the order in which they closed */
    assert_ptr_equal(flow_table_victim(&table), connections[closing[i]]);
    flow_table_release(&table, connections[closing[i]]);
    struct packet packet = packet_between(1, (uint16_t)(100 + i), 2, 80);
    add(&table, &packet, 100 + i)->flags |= CONNECTION_REFERENCED;
  }
  assert_int_equal(table.closed.count, 0);
  const struct connection *victim = flow_table_victim(&table);
  assert_non_null(victim);
  assert_true(victim->id < 100); /* of the old ones, which nobody has used since */
  flow_table_free(&table);
}

/* Those that are used between two retirements stay, whatever comes and goes around them. */
static void busy_connections_survive(void **state)
{
  (void)state;
  struct flow_table table;
  enum { LIMIT = 500, BUSY = 50 };
  assert_int_equal(flow_table_init(&table, LIMIT), 0);
  struct connection *busy[BUSY];
  uint64_t next_id = 1;
  for (uint32_t i = 0; i < 20000; i++) {
    struct connection *victim = flow_table_victim(&table);
    assert_int_equal(victim != NULL, i >= LIMIT);
    if (victim != NULL) {
      assert_true(victim->id > BUSY);
      flow_table_release(&table, victim);
    }
    struct packet packet = packet_between(i, 5, 1u << 20, 80);
    struct connection *connection = add(&table, &packet, next_id++);
    connection->flags |= CONNECTION_REFERENCED;
    if (i < BUSY)
      busy[i] = connection;
    for (uint32_t b = 0; b < BUSY && b <= i; b++)
      busy[b]->flags |= CONNECTION_REFERENCED;
    assert_true(table.count <= LIMIT);
  }
  for (uint32_t b = 0; b < BUSY; b++)
    assert_int_equal(busy[b]->id, b + 1);
  flow_table_free(&table);
}

static void limit_of_nothing_still_holds_one(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 0), 0);
  assert_null(flow_table_victim(&table));
  struct packet packet = packet_between(1, 1, 2, 2);
  const struct connection *connection = add(&table, &packet, 1);
  assert_ptr_equal(flow_table_victim(&table), connection);
  flow_table_free(&table);
}

#define LISTED 40u

static void assert_list_is(const struct connection_list *list, struct connection *const *order,
                           uint32_t count)
{
  assert_int_equal(list->count, count);
  const struct connection *at = list->first, *previous = NULL;
  for (uint32_t i = 0; i < count; i++) {
    assert_ptr_equal(at, order[i]);
    assert_ptr_equal(at->list_previous, previous);
    previous = at;
    at = at->list_next;
  }
  assert_null(at);
  assert_ptr_equal(list->last, previous);
}

static void list_keeps_the_order_of_coming(void **state)
{
  (void)state;
  struct connection *all = calloc(LISTED, sizeof *all);
  assert_non_null(all);
  struct connection *order[LISTED];
  struct connection_list list = {0};
  uint32_t count = 0;
  uint64_t seed = 1;
  for (int i = 0; i < 5000; i++) {
    struct connection *connection = &all[random_below(&seed, LISTED)];
    uint32_t at = 0;
    while (at < count && order[at] != connection)
      at++;
    if (at == count) {
      connection_list_push(&list, connection);
      order[count++] = connection;
    } else {
      connection_list_remove(&list, connection);
      memmove(&order[at], &order[at + 1], (count - at - 1) * sizeof order[0]);
      count--;
    }
    assert_list_is(&list, order, count);
  }
  free(all);
}

static void prefetching_changes_nothing(void **state)
{
  (void)state;
  struct flow_table table;
  assert_int_equal(flow_table_init(&table, 10), 0);
  struct packet packet = packet_between(1, 1, 2, 2);
  uint32_t hash = flow_hash(&table, &packet);
  for (int round = 0; round < 2; round++) { /* without the connection, then with it */
    flow_table_prefetch_bucket(&table, hash);
    flow_table_prefetch_connection(&table, hash);
    flow_table_prefetch_segments(&table, hash);
    assert_int_equal(table.count, round);
    if (round == 0)
      add(&table, &packet, 1);
  }
  flow_table_free(&table);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_directions_have_one_key),
      cmocka_unit_test(every_part_of_the_key_counts),
      cmocka_unit_test(new_connection_is_blank),
      cmocka_unit_test(does_what_a_list_does),
      cmocka_unit_test(released_memory_is_used_again),
      cmocka_unit_test(below_the_limit_nobody_has_to_go),
      cmocka_unit_test(closed_connections_go_first),
      cmocka_unit_test(busy_connections_survive),
      cmocka_unit_test(limit_of_nothing_still_holds_one),
      cmocka_unit_test(list_keeps_the_order_of_coming),
      cmocka_unit_test(prefetching_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
