/* Records what a process does to the files below a folder, so that a test can tell what of it the
   disk would still hold after a power failure. To be loaded with LD_PRELOAD; RECORD_FOLDER is the
   folder, RECORD_FILE the file that receives the records.

   A record is a header of five 64 bit numbers (operation, file descriptor, offset, size of the
   payload, and whether the operation made the file) and the payload: data that is written, or the
   path that is named. Only one thread may be at work on the folder. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN, CLOSE, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, EXTEND };

#define MOST_FILES 1024
static int log_file = -1;
static const char *folder;
static char followed[MOST_FILES];

#define REAL(name)                                                            \
    ({                                                                        \
        if (!real_##name)                                                     \
            real_##name = dlsym(RTLD_NEXT, #name);                            \
        real_##name;                                                          \
    })

__attribute__((constructor)) static void start(void) {
    folder = getenv("RECORD_FOLDER");
    log_file = syscall(SYS_openat, AT_FDCWD, getenv("RECORD_FILE"),
                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void record(int64_t operation, int64_t fd, int64_t offset, const void *payload,
                   int64_t size, int64_t made) {
    int64_t header[5] = {operation, fd, offset, size, made};
    syscall(SYS_write, log_file, header, sizeof header);
    for (int64_t done = 0; done < size;)
        done += syscall(SYS_write, log_file, (const char *)payload + done, size - done);
}

static int is_below(const char *path) {
    return log_file >= 0 && !strncmp(path, folder, strlen(folder));
}

static int is_followed(int fd) { return fd >= 0 && fd < MOST_FILES && followed[fd]; }

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd >= 0 && fd < MOST_FILES && is_below(path)) {
        followed[fd] = 1;
        record(OPEN, fd, 0, path, strlen(path), !existed);
        if (existed && (flags & O_TRUNC))
            record(TRUNCATE, fd, 0, 0, 0, 0);
    }
    return fd;
}

#define OPENER(name)                                                          \
    static int (*real_##name)(const char *, int, ...);                        \
    int name(const char *path, int flags, ...) {                              \
        va_list arguments;                                                    \
        va_start(arguments, flags);                                           \
        int mode = va_arg(arguments, int);                                    \
        va_end(arguments);                                                    \
        int existed = !syscall(SYS_faccessat, AT_FDCWD, path, F_OK);          \
        return opened(REAL(name)(path, flags, mode), path, flags, existed);   \
    }
OPENER(open)
OPENER(open64)

static int (*real_close)(int);
int close(int fd) {
    if (is_followed(fd)) {
        followed[fd] = 0;
        record(CLOSE, fd, 0, 0, 0, 0);
    }
    return REAL(close)(fd);
}

static ssize_t (*real_write)(int, const void *, size_t);
ssize_t write(int fd, const void *data, size_t size) {
    off_t place = is_followed(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = REAL(write)(fd, data, size);
    if (is_followed(fd) && done > 0)
        record(WRITE, fd, place, data, done, 0);
    return done;
}

#define WRITER(name)                                                          \
    static ssize_t (*real_##name)(int, const void *, size_t, off_t);          \
    ssize_t name(int fd, const void *data, size_t size, off_t place) {        \
        ssize_t done = REAL(name)(fd, data, size, place);                     \
        if (is_followed(fd) && done > 0)                                      \
            record(WRITE, fd, place, data, done, 0);                          \
        return done;                                                          \
    }
WRITER(pwrite)
WRITER(pwrite64)

#define TRUNCATER(name)                                                       \
    static int (*real_##name)(int, off_t);                                    \
    int name(int fd, off_t size) {                                            \
        int result = REAL(name)(fd, size);                                    \
        if (is_followed(fd) && !result)                                       \
            record(TRUNCATE, fd, size, 0, 0, 0);                              \
        return result;                                                        \
    }
TRUNCATER(ftruncate)
TRUNCATER(ftruncate64)

#define EXTENDER(name)                                                        \
    static int (*real_##name)(int, off_t, off_t);                             \
    int name(int fd, off_t place, off_t size) {                               \
        int result = REAL(name)(fd, place, size);                             \
        if (is_followed(fd) && !result)                                       \
            record(EXTEND, fd, place + size, 0, 0, 0);                        \
        return result;                                                        \
    }
EXTENDER(posix_fallocate)
EXTENDER(posix_fallocate64)

#define SYNCER(name)                                                          \
    static int (*real_##name)(int);                                           \
    int name(int fd) {                                                        \
        int result = REAL(name)(fd);                                          \
        if (is_followed(fd) && !result)                                       \
            record(SYNC, fd, 0, 0, 0, 0);                                     \
        return result;                                                        \
    }
SYNCER(fsync)
SYNCER(fdatasync)

static int (*real_unlink)(const char *);
int unlink(const char *path) {
    int result = REAL(unlink)(path);
    if (is_below(path) && !result)
        record(UNLINK, -1, 0, path, strlen(path), 0);
    return result;
}

static int (*real_rename)(const char *, const char *);
int rename(const char *from, const char *to) {
    int result = REAL(rename)(from, to);
    if (is_below(from) && !result) {
        char both[8192];
        size_t first = strlen(from) + 1, second = strlen(to);
        memcpy(both, from, first);
        memcpy(both + first, to, second);
        record(RENAME, -1, 0, both, first + second, 0);
    }
    return result;
}
