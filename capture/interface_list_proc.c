#include "capture/interface_list_internal.h"

#include "capture/clean_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMES_FOLDER  "/run/netns" /* where `ip netns` keeps them */
#define TUN_DEVICE    "/dev/net/tun"
#define PATH_BYTES    320
#define LINE_BYTES    256
#define HEADING_LINES 2     /* of /proc/net/dev */
#define CONTENTS_MAX  65536 /* entries of a folder that are looked at */

static void read_line(const char *path, char *line, size_t size)
{
  char raw[LINE_BYTES] = "";
  line[0] = '\0';
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return;
  if (fgets(raw, sizeof raw, file) != NULL)
    clean_text_copy(line, size, raw, strcspn(raw, "\n"));
  fclose(file);
}

static void read_program(int process, char *program, size_t size)
{
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "/proc/%d/comm", process);
  read_line(path, program, size);
}

/* Adds the namespace behind the path, or returns the one that is there already; NULL: it cannot be
 * opened, or there are too many. */
static struct listed_namespace *add_namespace(struct interface_list *list, const char *path)
{
  struct stat status;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return NULL;
  if (fstat(descriptor, &status) != 0) {
    close(descriptor);
    return NULL;
  }
  uint32_t index = interface_list_namespace(list, status.st_ino);
  if (index != UINT32_MAX || list->namespace_count == LISTED_NAMESPACES_MAX) {
    close(descriptor);
    list->namespaces_left_out += index == UINT32_MAX;
    return index != UINT32_MAX ? &list->namespaces[index] : NULL;
  }
  struct listed_namespace *space = &list->namespaces[list->namespace_count++];
  *space = (struct listed_namespace){.inode = status.st_ino, .descriptor = descriptor};
  return space;
}

static bool is_number(const char *text)
{
  return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int compare_names(const void *a, const void *b)
{
  const struct listed_namespace *left = a, *right = b;
  return strcmp(left->name, right->name);
}

/* Those with names. One that a number names is what -i IF@NUMBER would take for a process. */
static void find_named(struct interface_list *list)
{
  char path[PATH_BYTES];
  uint32_t first = list->namespace_count;
  DIR *folder = opendir(NAMES_FOLDER);
  if (folder == NULL)
    return;
  const struct dirent *entry;
  for (int i = 0; i < CONTENTS_MAX && (entry = readdir(folder)) != NULL; i++) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, NAMES_FOLDER "/%s", entry->d_name);
    struct listed_namespace *space = add_namespace(list, path);
    if (space != NULL && !space->own && space->name[0] == '\0')
      clean_text_copy(space->name, sizeof space->name,
                      is_number(entry->d_name) ? path : path + sizeof NAMES_FOLDER,
                      strlen(is_number(entry->d_name) ? path : path + sizeof NAMES_FOLDER));
  }
  closedir(folder);
  qsort(list->namespaces + first, list->namespace_count - first, sizeof *list->namespaces,
        compare_names);
}

typedef void process_handler(struct interface_list *list, int process);

static void for_each_process(struct interface_list *list, process_handler *handler)
{
  DIR *folder = opendir("/proc");
  const struct dirent *entry;
  if (folder == NULL)
    return;
  while ((entry = readdir(folder)) != NULL)
    if (is_number(entry->d_name))
      handler(list, atoi(entry->d_name)); /* NOLINT(cert-err34-c): digits, of the kernel */
  closedir(folder);
}

/* A descriptor of a process, and what it refers to. */
typedef void descriptor_handler(struct interface_list *list, int process, int descriptor,
                                const char *target);

static void for_each_descriptor(struct interface_list *list, int process,
                                descriptor_handler *handler)
{
  char path[PATH_BYTES], target[PATH_BYTES];
  snprintf(path, sizeof path, "/proc/%d/fd", process);
  DIR *folder = opendir(path);
  if (folder == NULL)
    return;
  const struct dirent *entry;
  for (int i = 0; i < CONTENTS_MAX && (entry = readdir(folder)) != NULL; i++) {
    ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
    if (!is_number(entry->d_name) || size < 0)
      continue;
    target[size] = '\0';
    handler(list, process, atoi(entry->d_name), target); /* NOLINT(cert-err34-c): the kernel's */
  }
  closedir(folder);
}

/* The process with the smallest number is the best name: the one that made the namespace, mostly.
 */
static void take_process(struct interface_list *list, int process)
{
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "/proc/%d/ns/net", process);
  struct listed_namespace *space = add_namespace(list, path);
  if (space == NULL) {
    list->processes_unseen += errno == EACCES || errno == EPERM;
    return;
  }
  if (space->process != 0 && space->process < process)
    return;
  space->process = process;
  read_program(process, space->program, sizeof space->program);
}

/* A namespace in which no process runs, but which one keeps open. */
static void take_kept(struct interface_list *list, int process, int descriptor, const char *target)
{
  char path[PATH_BYTES];
  if (strncmp(target, "net:[", 5) != 0)
    return;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", process, descriptor);
  struct listed_namespace *space = add_namespace(list, path);
  if (space == NULL || space->own || space->process != 0 || space->name[0] != '\0')
    return;
  snprintf(space->name, sizeof space->name, "%.*s", (int)sizeof space->name - 1, path);
  space->process = process;
  read_program(process, space->program, sizeof space->program);
}

static void take_all_kept(struct interface_list *list, int process)
{
  if (process != getpid()) /* whose descriptors are the list's */
    for_each_descriptor(list, process, take_kept);
}

int interface_list_find_namespaces(struct interface_list *list, struct error *error)
{
  struct listed_namespace *own = add_namespace(list, "/proc/thread-self/ns/net");
  if (own == NULL)
    return error_set(error, ERROR_IO, "/proc/thread-self/ns/net: %s", strerror(errno));
  own->own = true;
  find_named(list);
  for_each_process(list, take_process);
  for_each_process(list, take_all_kept);
  for (uint32_t i = 0; i < list->namespace_count; i++) {
    struct listed_namespace *space = &list->namespaces[i];
    if (!space->own && space->name[0] == '\0')
      snprintf(space->name, sizeof space->name, "%d", space->process);
  }
  return 0;
}

void interface_list_read_names(struct interface_list *list, uint32_t namespace_index)
{
  char path[PATH_BYTES], line[LINE_BYTES];
  if (list->namespaces[namespace_index].process == 0)
    return;
  snprintf(path, sizeof path, "/proc/%d/net/dev", list->namespaces[namespace_index].process);
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return;
  for (int number = 0; fgets(line, sizeof line, file) != NULL; number++) {
    const char *name = line + strspn(line, " "), *colon = strchr(name, ':');
    if (number < HEADING_LINES || colon == NULL)
      continue;
    struct listed_interface *interface = interface_list_add(list, namespace_index);
    if (interface == NULL)
      break;
    interface->state = LISTED_STATE_UNKNOWN;
    clean_text_copy(interface->name, sizeof interface->name, name, (size_t)(colon - name));
  }
  fclose(file);
}

/* Holders. A descriptor of /dev/net/tun says which interface it is attached to (fdinfo), but not in
 * which namespace that is. */

/* The namespace that the kernel tells for a copy of the process's descriptor; 0: it does not, for
 * lack of rights or of age (Linux 5.6 for the copy, 5.5 for the question). */
static uint64_t ask_namespace(int process, int descriptor)
{
  struct stat status;
  uint64_t inode = 0;
  int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
  int copy = pidfd >= 0 ? (int)syscall(SYS_pidfd_getfd, pidfd, descriptor, 0) : -1;
  int space = copy >= 0 ? ioctl(copy, TUNGETDEVNETNS) : -1;
  if (space >= 0 && fstat(space, &status) == 0)
    inode = status.st_ino;
  if (space >= 0)
    close(space);
  if (copy >= 0)
    close(copy);
  if (pidfd >= 0)
    close(pidfd);
  return inode;
}

static bool is_tun(const struct listed_interface *interface)
{
  return strcmp(interface->kind, "tap") == 0 || strcmp(interface->kind, "tun") == 0 ||
         interface->state == LISTED_STATE_UNKNOWN;
}

static void add_holder(struct listed_interface *interface, int process, bool certain)
{
  for (uint32_t i = 0; i < interface->holder_count; i++)
    if (interface->holders[i].process == process) /* several queues */
      return;
  if (interface->holder_count == LISTED_HOLDERS_MAX)
    return;
  struct listed_holder *holder = &interface->holders[interface->holder_count++];
  *holder = (struct listed_holder){.process = process, .certain = certain};
  read_program(process, holder->program, sizeof holder->program);
}

/* Where the kernel does not say which namespace: the process's own, if an interface of that name is
 * there, else all. */
static void match_holder(struct interface_list *list, int process, const char *name,
                         uint64_t namespace_inode)
{
  char path[PATH_BYTES];
  struct stat status;
  bool certain = namespace_inode != 0, found = false;
  uint64_t inode = namespace_inode;
  snprintf(path, sizeof path, "/proc/%d/ns/net", process);
  if (!certain && stat(path, &status) == 0)
    inode = status.st_ino;
  for (int pass = 0; pass < 2 && !found; pass++) {
    for (uint32_t i = 0; i < list->interface_count; i++) {
      struct listed_interface *interface = &list->interfaces[i];
      if (strcmp(interface->name, name) != 0 || !is_tun(interface) ||
          (pass == 0 && list->namespaces[interface->namespace_index].inode != inode))
        continue;
      add_holder(interface, process, certain);
      found = true;
    }
    if (certain)
      return;
  }
}

/* The name in "iff:\tNAME", or false: not attached. */
static bool read_attached(int process, int descriptor, char *name, size_t size)
{
  static const char key[] = "iff:\t";
  char path[PATH_BYTES], line[LINE_BYTES];
  bool found = false;
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", process, descriptor);
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return false;
  while (!found && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, key, sizeof key - 1) != 0)
      continue;
    const char *value = line + sizeof key - 1;
    clean_text_copy(name, size, value, strcspn(value, "\n"));
    found = name[0] != '\0';
  }
  fclose(file);
  return found;
}

static void take_tun(struct interface_list *list, int process, int descriptor, const char *target)
{
  char name[16];
  if (strcmp(target, TUN_DEVICE) == 0 && read_attached(process, descriptor, name, sizeof name))
    match_holder(list, process, name, ask_namespace(process, descriptor));
}

static void take_tuns(struct interface_list *list, int process)
{
  for_each_descriptor(list, process, take_tun);
}

void interface_list_find_holders(struct interface_list *list)
{
  for_each_process(list, take_tuns);
}
