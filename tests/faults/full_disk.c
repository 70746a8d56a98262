/* Stands between a process and the system: after so many writes below a folder the disk is full. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char prefix[PATH_MAX];
static long allowed = -1, counted = 0;

void full_after(long writes, const char *folder) {
  strncpy(prefix, folder, sizeof prefix - 1);
  allowed = writes;
  counted = 0;
}

static int is_full(const char *path) {
  if (!prefix[0] || strncmp(path, prefix, strlen(prefix)) != 0) return 0;
  if (allowed >= 0 && counted >= allowed) {
    errno = ENOSPC;
    return 1;
  }
  counted++;
  return 0;
}

static int is_full_behind(int number) {
  char link[64], path[PATH_MAX];
  int kept = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", number);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = kept;
  if (length <= 0) return 0;
  path[length] = 0;
  return is_full(path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int number, const void *bytes, size_t length) {
  return is_full_behind(number) ? -1 : NEXT(write)(number, bytes, length);
}
ssize_t pwrite(int number, const void *bytes, size_t length, off_t at) {
  return is_full_behind(number) ? -1 : NEXT(pwrite)(number, bytes, length, at);
}
ssize_t pwrite64(int number, const void *bytes, size_t length, off64_t at) {
  return is_full_behind(number) ? -1 : NEXT(pwrite64)(number, bytes, length, at);
}
ssize_t writev(int number, const struct iovec *parts, int count) {
  return is_full_behind(number) ? -1 : NEXT(writev)(number, parts, count);
}
int ftruncate(int number, off_t length) {
  return length && is_full_behind(number) ? -1 : NEXT(ftruncate)(number, length);
}
int ftruncate64(int number, off64_t length) {
  return length && is_full_behind(number) ? -1 : NEXT(ftruncate64)(number, length);
}
int fallocate(int number, int mode, off_t at, off_t length) {
  return is_full_behind(number) ? -1 : NEXT(fallocate)(number, mode, at, length);
}
int mkdir(const char *path, mode_t mode) {
  return is_full(path) ? -1 : NEXT(mkdir)(path, mode);
}

static int opened(const char *path, int flags) { return (flags & O_CREAT) && access(path, F_OK) && is_full(path); }

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return opened(path, flags) ? -1 : NEXT(open)(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return opened(path, flags) ? -1 : NEXT(open64)(path, flags, mode);
}
