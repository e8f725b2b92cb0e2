/* What is typed after `/`: words, tcpdump's language, and both together. */

#include "cli/connection_filter.h"
#include "tests/unit/tui_scene.h"

#include <arpa/inet.h>

static struct endpoint endpoint(const char *address, uint16_t port)
{
  struct endpoint made = {.port = port, .ip_version = strchr(address, ':') != NULL ? 6 : 4};
  if (made.ip_version == 6) {
    inet_pton(AF_INET6, address, made.address.bytes);
  } else {
    made.address.bytes[10] = made.address.bytes[11] = 0xff;
    inet_pton(AF_INET, address, made.address.bytes + 12);
  }
  return made;
}

/* 1: 10.0.0.1:40001 > 192.0.2.1:443, held by the path; 2: as 1 from 10.0.0.2, healthy; 3: IPv6,
 * port 22; 4: a host that has a name in its trace alone. */
static struct scene *example(void)
{
  struct scene *scene = scene_new(10);
  const struct finding finding =
      scene_finding(1, 1000, 9000, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD);
  for (uint64_t id = 1; id <= 4; id++) {
    struct model_connection *connection = scene_connection(scene, id, 1);
    char text[32];
    snprintf(text, sizeof text, "10.0.0.%llu", (unsigned long long)id);
    connection->summary.client = endpoint(text, (uint16_t)(40000 + id));
    connection->summary.server = endpoint("192.0.2.1", 443);
  }
  struct model_connection *six = model_find(scene->model, 3);
  six->summary.client = endpoint("2001:db8::3", 40003);
  six->summary.server = endpoint("2001:db8::1", 22);
  snprintf(six->client, sizeof six->client, "[2001:db8::3]:40003");
  snprintf(six->server, sizeof six->server, "[2001:db8::1]:22");
  snprintf(model_find(scene->model, 4)->client, MODEL_NAME_SIZE, "test-remote:20");
  model_add_finding(model_find(scene->model, 1), &finding);
  scene->model->now_ns = T0_NS + 5 * NS_PER_S;
  return scene;
}

/* The ids that match, as digits. */
static const char *matching(const struct scene *scene, const char *text)
{
  static char ids[16];
  char why[SELECTION_ERROR_SIZE];
  const struct selection_language language = connection_filter_language();
  struct selection *selection = selection_parse(text, &language, why);
  size_t used = 0;
  if (why[0] != '\0') {
    assert_null(selection);
    return "error";
  }
  for (uint32_t i = 0; i < scene->model->count; i++)
    if (selection_matches(selection, scene->model, scene->model->connections[i]))
      ids[used++] = (char)('0' + scene->model->connections[i]->id);
  ids[used] = '\0';
  selection_free(selection);
  return ids;
}

static void filters_choose_connections(void **state)
{
  (void)state;
  static const struct {
    const char *text, *ids;
  } cases[] = {
      {"", "1234"},
      {"   ", "1234"},
      /* words */
      {"10.0.0.2", "2"},
      {":22", "3"},
      {"stalled", "1"},
      {"STALLED", "1"},
      {"problem", "1"},
      {"forward-path", "1"},
      {"path-hold", "1"},
      {"idle", "234"},
      {"not idle", "1"},
      {"!idle", "1"},
      {"not not idle", "234"},
      {"10.0.0 stalled", "1"},
      {"no-such-thing", ""},
      /* tcpdump's */
      {"port 443", "124"},
      {"tcp port 443", "124"},
      {"tcp port 443 and host 10.0.0.2", "2"},
      {"port 443 or 22", "1234"},
      {"port 22 or 443", "1234"},
      {"host 10.0.0.1 or 10.0.0.2", "12"},
      {"src host 192.0.2.1", "124"}, /* in either direction */
      {"dst host 192.0.2.1", "124"},
      {"net 10.0.0.0/30", "12"},
      {"ip6", "3"},
      {"ip", "124"},
      {"portrange 20-25", "3"},
      {"udp", ""},
      {"tcp[0:2] = 443", "124"},
      {"tcp[13] & 2 != 0", ""},
      /* both, and names that are the trace's own */
      {"port 443 and stalled", "1"},
      {"stalled port 443", "1"},
      {"stalled or port 22", "13"},
      {"not stalled and port 443", "24"},
      {"port 443 and not (stalled or 10.0.0.2)", "4"},
      {"port 443 and 10.0.0.2", "2"},
      {"(port 22)", "3"},
      {"host test-remote", "4"},
      {"src host test-remote and port 443", "4"},
      {"stalled || port 22 && ip6", "3"}, /* from left to right */
      /* neither */
      {"port", "error"},
      {"port 443 and", "error"},
      {"and port 443", "error"},
      {"(port 443", "error"},
      {"port 443)", "error"},
      {"tcp prot 443", "error"},
      {"port 443 stalled", "error"},
      {"ether host 00:00:00:00:00:01", "error"},
      {"vlan 5", "error"},
      {"tcp[999", "error"},
      {"((((((((((((((((((((((a))))))))))))))))))))))", "error"},
  };
  struct scene *scene = example();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (strcmp(matching(scene, cases[i].text), cases[i].ids) != 0)
      fail_msg("\"%s\": %s, not %s", cases[i].text, matching(scene, cases[i].text), cases[i].ids);
  scene_free(scene);
}

static void an_error_says_what_is_wrong(void **state)
{
  (void)state;
  char why[SELECTION_ERROR_SIZE];
  const struct selection_language language = connection_filter_language(), none = {.context = NULL};
  assert_null(selection_parse("tcp prot 443", &language, why));
  assert_non_null(strstr(why, "syntax error"));
  assert_null(selection_parse("port 80", &none, why));
  assert_non_null(strstr(why, "not known here"));
  struct selection *words = selection_parse("stalled", &none, why);
  assert_non_null(words);
  assert_string_equal(why, "");
  selection_free(words);
}

static void long_and_strange_texts_are_refused_or_taken(void **state)
{
  (void)state;
  const struct selection_language language = connection_filter_language();
  char text[4096], why[SELECTION_ERROR_SIZE];
  memset(text, 'a', sizeof text);
  text[sizeof text - 1] = '\0';
  assert_null(selection_parse(text, &language, why));
  for (size_t i = 1; i < sizeof text - 1; i += 2)
    text[i] = ' ';
  assert_null(selection_parse(text, &language, why));
  memset(text, '(', sizeof text - 1);
  assert_null(selection_parse(text, &language, why));
  memset(text, '!', sizeof text - 1);
  assert_null(selection_parse(text, &language, why));
  assert_string_not_equal(why, "");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(filters_choose_connections),
      cmocka_unit_test(an_error_says_what_is_wrong),
      cmocka_unit_test(long_and_strange_texts_are_refused_or_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
