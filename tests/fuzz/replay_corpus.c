/* Runs a fuzz target over files and folders given as arguments: the regression half of fuzzing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return -1;
  }
  size_t capacity = 1 << 16, size = 0;
  uint8_t *data = malloc(capacity);
  while (data != NULL) {
    size += fread(data + size, 1, capacity - size, file);
    if (size < capacity)
      break;
    capacity *= 2;
    uint8_t *larger = realloc(data, capacity);
    if (larger == NULL)
      free(data);
    data = larger;
  }
  fclose(file);
  if (data == NULL)
    return -1;
  LLVMFuzzerTestOneInput(data, size);
  free(data);
  return 1;
}

static int run_path(const char *path)
{
  struct stat st;
  if (stat(path, &st) != 0) {
    perror(path);
    return -1;
  }
  if (!S_ISDIR(st.st_mode))
    return run_file(path);
  DIR *dir = opendir(path);
  if (dir == NULL)
    return -1;
  int files = 0;
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    char child[4096];
    snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
    int ran = run_path(child);
    if (ran < 0) {
      closedir(dir);
      return -1;
    }
    files += ran;
  }
  closedir(dir);
  return files;
}

int main(int argc, char **argv)
{
  int files = 0;
  for (int i = 1; i < argc; i++) {
    int ran = run_path(argv[i]);
    if (ran < 0)
      return 1;
    files += ran;
  }
  printf("%d inputs\n", files);
  return files > 0 ? 0 : 1;
}
