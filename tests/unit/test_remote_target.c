#include "capture/remote.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs the three in front */
#include <cmocka.h>

struct good {
  const char *text, *destination;
  unsigned port;
  const char *interface, *space;
};

static void test_targets(void **state)
{
  (void)state;
  static const struct good goods[] = {
      {"ssh:vpn/tap0", "vpn", 0, "tap0", ""},
      {"ssh:root@vpn.example/tap0", "root@vpn.example", 0, "tap0", ""},
      {"ssh:root@10.0.0.1:2222/tap0@client", "root@10.0.0.1", 2222, "tap0", "client"},
      {"ssh:me@[2001:db8::1]:22/eth0.7", "me@2001:db8::1", 22, "eth0.7", ""},
      {"ssh:[fe80::1%eth0]/any", "fe80::1%eth0", 0, "any", ""},
      {"ssh:me@corp.example@vpn/tap0@4711", "me@corp.example@vpn", 0, "tap0", "4711"},
      {"ssh:vpn/tap0@/run/netns/x", "vpn", 0, "tap0", "/run/netns/x"},
  };
  for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
    struct remote_target target;
    assert_int_equal(remote_target_parse(&target, goods[i].text, NULL), 0);
    assert_string_equal(target.destination, goods[i].destination);
    assert_int_equal(target.port, goods[i].port);
    assert_string_equal(target.interface, goods[i].interface);
    assert_string_equal(target.network_namespace, goods[i].space);
  }
}

/* Options for ssh, and what a shell would take apart, are no targets. */
static void test_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "tap0",
      "ssh:",
      "ssh:vpn",
      "ssh:/tap0",
      "ssh:vpn/",
      "ssh:-oProxyCommand=x/tap0",
      "ssh:--/tap0",
      "ssh:-l@vpn/tap0",
      "ssh:root@-vpn/tap0",
      "ssh:a b/tap0",
      "ssh:$(id)/tap0",
      "ssh:vpn;id/tap0",
      "ssh:vpn/-w",
      "ssh:vpn/tap0;id",
      "ssh:vpn/tap0@",
      "ssh:vpn/tap0@-x",
      "ssh:vpn/tap0@a'b",
      "ssh:vpn/a_name_of_16_byt",
      "ssh:vpn:/tap0",
      "ssh:vpn:0/tap0",
      "ssh:vpn:65536/tap0",
      "ssh:vpn:22x/tap0",
      "ssh:[::1/tap0",
      "ssh:[::1]22/tap0",
      "ssh:2001:db8::1/tap0",
      "ssh:@vpn/tap0",
      "ssh:vpn\n/tap0",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct remote_target target;
    struct error error;
    if (remote_target_parse(&target, bad[i], &error) != ERROR_USAGE)
      fail_msg("%s was taken", bad[i]);
  }
}

static char *build(const char *filter)
{
  struct remote_target target;
  char *command;
  const struct remote_capture capture = {
      .filter = filter, .snaplen_bytes = 96, .buffer_bytes = 1 << 20, .promiscuous = true};
  assert_int_equal(remote_target_parse(&target, "ssh:vpn/tap0@client", NULL), 0);
  assert_int_equal(remote_command_build(&command, &target, &capture, NULL), 0);
  return command;
}

/* Any login shell gets words without anything to expand. */
static void test_the_command_is_plain(void **state)
{
  (void)state;
  static const char begin[] = "exec sh -c 'eval \"$(printf %b \"$0\")\"' '";
  char *command = build("tcp[13] != 0 and `id` $HOME 'x' \"y\" \\ ! \n # \xc3\xa4");
  assert_int_equal(strncmp(command, begin, sizeof begin - 1), 0);
  const char *rest = command + sizeof begin - 1;
  assert_string_equal(rest + strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789 ,./:=@_+-\\"),
                      "'");
  free(command);
}

/* The shell gets the filter as it is: a program called tcpstall prints it. */
static void run(const char *shell, const char *filter)
{
  char folder[] = "/tmp/tcpstall-test-XXXXXX", path[64], line[65536], expected[4096];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/tcpstall", folder);
  FILE *program = fopen(path, "w");
  assert_non_null(program);
  fputs("#!/bin/sh\nfor word; do printf '%s|' \"$word\"; done\n", program);
  fclose(program);
  char *command = build(filter);
  snprintf(line, sizeof line, "chmod +x %s; PATH=%s:$PATH; unset SSH_CONNECTION; exec %s -c \"$0\"",
           path, folder, shell);
  FILE *output = NULL;
  int ends[2], input[2]; /* which ends the capture when it ends */
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(pipe(input), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(input[0], 0);
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    close(input[0]);
    close(input[1]);
    execl("/bin/sh", "sh", "-c", line, command, NULL);
    _exit(127);
  }
  close(ends[1]);
  output = fdopen(ends[0], "r");
  assert_non_null(output);
  size_t size = fread(line, 1, sizeof line - 1, output);
  line[size] = '\0';
  fclose(output);
  close(input[0]);
  close(input[1]);
  assert_int_equal(waitpid(child, NULL, 0), child);
  snprintf(expected, sizeof expected,
           "capture|--quiet|--write=-|--interface=tap0@client|--snaplen=96|--buffer=1048576|"
           "--no-samples|%s%s%s",
           filter[0] != '\0' ? "--filter=" : "", filter, filter[0] != '\0' ? "|" : "");
  assert_string_equal(line, expected);
  free(command);
  remove(path);
  remove(folder);
}

static void test_shells_hand_it_on(void **state)
{
  (void)state;
  static const char *const shells[] = {"sh",  "dash", "bash", "busybox sh", "zsh",
                                       "ksh", "fish", "csh",  "tcsh"};
  static const char *const filters[] = {"",
                                        "tcp",
                                        "tcp[13] != 0 and not port 22",
                                        "a 'b' \"c\" $HOME `id` $(id) \\n %s \\047 !! ~ *",
                                        "line\nline",
                                        "-x"};
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
    char look[64];
    snprintf(look, sizeof look, "command -v %s >/dev/null 2>&1", shells[i]);
    if (system(look) != 0)
      continue;
    for (size_t k = 0; k < sizeof filters / sizeof *filters; k++)
      run(shells[i], filters[k]);
  }
}

static void test_too_long(void **state)
{
  (void)state;
  static char filter[200000];
  struct remote_target target;
  const struct remote_capture capture = {.filter = filter, .snaplen_bytes = 96};
  char *command;
  memset(filter, '(', sizeof filter - 1);
  assert_int_equal(remote_target_parse(&target, "ssh:vpn/tap0", NULL), 0);
  for (size_t size = sizeof filter - 1; size > 10000; size /= 2) {
    filter[size] = '\0';
    assert_int_equal(remote_command_build(&command, &target, &capture, NULL), ERROR_LIMIT);
    assert_null(command);
    if (size < 40000)
      break;
  }
}

static void test_losses_that_tcpdump_tells(void **state)
{
  (void)state;
  uint64_t dropped = 0;
  assert_true(remote_message_drops("12 packets dropped by kernel", &dropped));
  assert_int_equal(dropped, 12);
  assert_true(remote_message_drops("1 packet dropped by kernel", &dropped));
  assert_int_equal(dropped, 1);
  assert_false(remote_message_drops("12 packets captured", &dropped));
  assert_false(remote_message_drops("x packets dropped by kernel", &dropped));
}

/* A program that is no ssh, for what becomes of processes. */
static void test_how_it_ends(void **state)
{
  (void)state;
  static const struct {
    const char *ssh, *message;
    int status;
  } cases[] = {{"false", "", 1}, {"no-such-program", "not found", 127}, {"true", "", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct remote_options options = {
        .target = "ssh:vpn/tap0", .ssh = cases[i].ssh, .capture = {.snaplen_bytes = 96}};
    struct remote *remote;
    char line[200] = "", all[400] = "";
    int status = -1;
    assert_int_equal(remote_open(&remote, &options, NULL), 0);
    for (int k = 0; k < 1000 && !remote_has_ended(remote, &status); k++)
      usleep(5000);
    assert_int_equal(status, cases[i].status);
    while (remote_next_message(remote, line, sizeof line))
      snprintf(all, sizeof all, "%s", line);
    assert_non_null(strstr(all, cases[i].message));
    remote_close(remote, 0);
  }
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN); /* which capture/remote.h asks for */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_targets),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_the_command_is_plain),
      cmocka_unit_test(test_shells_hand_it_on),
      cmocka_unit_test(test_too_long),
      cmocka_unit_test(test_losses_that_tcpdump_tells),
      cmocka_unit_test(test_how_it_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
