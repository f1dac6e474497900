/* Records what a process does to the files below a folder, so that it can be told what of it a disk
   would still hold after a power failure; or kills the process before it does a certain part of it.

   To be loaded with LD_PRELOAD. RECORDER_FOLDER is the folder; RECORDER_FILE the file that receives
   the records, if there is one; RECORDER_MARKS a file outside of the folder whose writes are noted
   between the others; RECORDER_KILL_AT, if it is there, the number of the change before which the
   process is killed, from 1.

   A record is a header of six 64 bit numbers (operation, file descriptor, offset, size of the
   payload, whether the operation made the file, and how many changes there were up to then) and the
   payload: data that is written, or the paths that are named, with a zero byte between two. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN, CLOSE, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, EXTEND, MKDIR, RMDIR, LINK, MARK };

#define MOST_FILES 65536
#define ELSEWHERE 0
#define FOLLOWED 1
#define MARKS 2

static int log_file = -1;
static const char *folder, *marks;
static long kill_at, changes;
static char kinds[MOST_FILES];
static char at_once[MOST_FILES]; /* whether what is written there is synced at once */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name)                                                            \
    ({                                                                        \
        if (!real_##name)                                                     \
            real_##name = dlsym(RTLD_NEXT, #name);                            \
        real_##name;                                                          \
    })

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("RECORDER_FILE"), *number = getenv("RECORDER_KILL_AT");
    folder = getenv("RECORDER_FOLDER");
    marks = getenv("RECORDER_MARKS");
    kill_at = number ? atol(number) : 0;
    if (file)
        log_file = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                           0600);
}

/* A record with a hole would be worse than none. */
static void give_up(const char *why) {
    fprintf(stderr, "recorder: %s\n", why);
    abort();
}

static void write_all(const void *data, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t more = syscall(SYS_write, log_file, (const char *)data + done, size - done);
        if (more <= 0)
            give_up("the record can't be written");
        done += more;
    }
}

static void record(int64_t operation, int64_t fd, int64_t offset, const void *payload,
                   int64_t size, int64_t made) {
    if (log_file < 0)
        return;
    int64_t header[6] = {operation, fd, offset, size, made,
                         __atomic_load_n(&changes, __ATOMIC_SEQ_CST)};
    pthread_mutex_lock(&one_at_a_time);
    write_all(header, sizeof header);
    write_all(payload, size);
    pthread_mutex_unlock(&one_at_a_time);
    if (operation == WRITE && at_once[fd])
        record(SYNC, fd, 0, 0, 0, 0);
}

/* A change is about to be made. */
static void change(void) {
    if (__atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST) == kill_at)
        syscall(SYS_kill, getpid(), SIGKILL);
}

static void absolute(int place, const char *path, char *whole) {
    ssize_t length = 0;
    whole[0] = 0;
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
        return;
    }
    if (place == AT_FDCWD) {
        if (getcwd(whole, PATH_MAX))
            length = strlen(whole);
    } else {
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", place);
        length = readlink(name, whole, PATH_MAX - 1);
    }
    if (length > 0)
        snprintf(whole + length, PATH_MAX - length, "/%s", path);
}

static int is_below(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int kind_of(int fd) { return fd >= 0 && fd < MOST_FILES ? kinds[fd] : ELSEWHERE; }

/* Opening */

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd < 0 || fd >= MOST_FILES)
        return fd;
    kinds[fd] = ELSEWHERE;
    if (marks && !strcmp(path, marks)) {
        kinds[fd] = MARKS;
    } else if (is_below(path)) {
        kinds[fd] = FOLLOWED;
        at_once[fd] = (flags & O_DSYNC) != 0; /* O_SYNC has the same bit, and another one */
        record(OPEN, fd, 0, path, strlen(path), !existed);
        if (existed && (flags & O_TRUNC))
            record(TRUNCATE, fd, 0, 0, 0, 0);
    }
    return fd;
}

static int changes_by_opening(const char *path, int flags, int *existed) {
    *existed = !syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
    return is_below(path) && ((*existed && (flags & O_TRUNC)) || (!*existed && (flags & O_CREAT)));
}

#define OPENER(name)                                                          \
    static int (*real_##name)(const char *, int, ...);                        \
    int name(const char *path, int flags, ...) {                              \
        char whole[PATH_MAX];                                                 \
        int existed;                                                          \
        va_list arguments;                                                    \
        va_start(arguments, flags);                                           \
        int mode = va_arg(arguments, int);                                    \
        va_end(arguments);                                                    \
        absolute(AT_FDCWD, path, whole);                                      \
        if (changes_by_opening(whole, flags, &existed))                       \
            change();                                                         \
        return opened(REAL(name)(path, flags, mode), whole, flags, existed);  \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                                       \
    static int (*real_##name)(int, const char *, int, ...);                   \
    int name(int place, const char *path, int flags, ...) {                   \
        char whole[PATH_MAX];                                                 \
        int existed;                                                          \
        va_list arguments;                                                    \
        va_start(arguments, flags);                                           \
        int mode = va_arg(arguments, int);                                    \
        va_end(arguments);                                                    \
        absolute(place, path, whole);                                         \
        if (changes_by_opening(whole, flags, &existed))                       \
            change();                                                         \
        return opened(REAL(name)(place, path, flags, mode), whole, flags, existed); \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

static int (*real_close)(int);
int close(int fd) {
    if (kind_of(fd) == FOLLOWED)
        record(CLOSE, fd, 0, 0, 0, 0);
    if (fd >= 0 && fd < MOST_FILES)
        kinds[fd] = ELSEWHERE;
    return REAL(close)(fd);
}

/* Writing */

static off_t place_in(int fd) {
    int flags = fcntl(fd, F_GETFL);
    struct stat now;
    if (flags & O_APPEND)
        return fstat(fd, &now) ? 0 : now.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

/* What was written without passing through here is read back. */
static void record_from_file(int fd, off_t place, ssize_t size) {
    char name[64], *data = malloc(size);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int again = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (!data || syscall(SYS_pread64, again, data, size, place) != size)
        give_up("what was written can't be read back");
    syscall(SYS_close, again);
    record(WRITE, fd, place, data, size, 0);
    free(data);
}

static ssize_t (*real_write)(int, const void *, size_t);
ssize_t write(int fd, const void *data, size_t size) {
    int kind = kind_of(fd);
    if (kind == ELSEWHERE)
        return REAL(write)(fd, data, size);
    off_t place = place_in(fd);
    if (kind == FOLLOWED)
        change();
    ssize_t done = REAL(write)(fd, data, size);
    if (done > 0)
        record(kind == MARKS ? MARK : WRITE, fd, place, data, done, 0);
    return done;
}

static ssize_t (*real_writev)(int, const struct iovec *, int);
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (kind_of(fd) != FOLLOWED)
        return REAL(writev)(fd, parts, count);
    off_t place = place_in(fd);
    change();
    ssize_t done = REAL(writev)(fd, parts, count);
    if (done > 0)
        record_from_file(fd, place, done);
    return done;
}

#define WRITER(name)                                                          \
    static ssize_t (*real_##name)(int, const void *, size_t, off_t);          \
    ssize_t name(int fd, const void *data, size_t size, off_t place) {        \
        if (kind_of(fd) != FOLLOWED)                                          \
            return REAL(name)(fd, data, size, place);                         \
        change();                                                             \
        ssize_t done = REAL(name)(fd, data, size, place);                     \
        if (done > 0)                                                         \
            record(WRITE, fd, place, data, done, 0);                          \
        return done;                                                          \
    }
WRITER(pwrite)
WRITER(pwrite64)

#define SENDER(name)                                                          \
    static ssize_t (*real_##name)(int, int, off_t *, size_t);                 \
    ssize_t name(int to, int from, off_t *where, size_t size) {               \
        if (kind_of(to) != FOLLOWED)                                          \
            return REAL(name)(to, from, where, size);                         \
        off_t place = place_in(to);                                           \
        change();                                                             \
        ssize_t done = REAL(name)(to, from, where, size);                     \
        if (done > 0)                                                         \
            record_from_file(to, place, done);                                \
        return done;                                                          \
    }
SENDER(sendfile)
SENDER(sendfile64)

static ssize_t (*real_copy_file_range)(int, off64_t *, int, off64_t *, size_t, unsigned);
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *where, size_t size, unsigned how) {
    if (kind_of(to) != FOLLOWED)
        return REAL(copy_file_range)(from, at, to, where, size, how);
    off_t place = where ? *where : place_in(to);
    change();
    ssize_t done = REAL(copy_file_range)(from, at, to, where, size, how);
    if (done > 0)
        record_from_file(to, place, done);
    return done;
}

#define TRUNCATER(name)                                                       \
    static int (*real_##name)(int, off_t);                                    \
    int name(int fd, off_t size) {                                            \
        if (kind_of(fd) != FOLLOWED)                                          \
            return REAL(name)(fd, size);                                      \
        change();                                                             \
        int result = REAL(name)(fd, size);                                    \
        if (!result)                                                          \
            record(TRUNCATE, fd, size, 0, 0, 0);                              \
        return result;                                                        \
    }
TRUNCATER(ftruncate)
TRUNCATER(ftruncate64)

#define EXTENDER(name)                                                        \
    static int (*real_##name)(int, off_t, off_t);                             \
    int name(int fd, off_t place, off_t size) {                               \
        if (kind_of(fd) != FOLLOWED)                                          \
            return REAL(name)(fd, place, size);                               \
        change();                                                             \
        int result = REAL(name)(fd, place, size);                             \
        if (!result)                                                          \
            record(EXTEND, fd, place + size, 0, 0, 0);                        \
        return result;                                                        \
    }
EXTENDER(posix_fallocate)
EXTENDER(posix_fallocate64)

#define SYNCER(name)                                                          \
    static int (*real_##name)(int);                                           \
    int name(int fd) {                                                        \
        if (kind_of(fd) != FOLLOWED)                                          \
            return REAL(name)(fd);                                            \
        change();                                                             \
        int result = REAL(name)(fd);                                          \
        if (!result)                                                          \
            record(SYNC, fd, 0, 0, 0, 0);                                     \
        return result;                                                        \
    }
SYNCER(fsync)
SYNCER(fdatasync)

/* These sync more than one file; the record has no descriptor then. */

static void (*real_sync)(void);
void sync(void) {
    change();
    REAL(sync)();
    record(SYNC, -1, 0, 0, 0, 0);
}

static int (*real_syncfs)(int);
int syncfs(int fd) {
    change();
    int result = REAL(syncfs)(fd);
    if (!result && kind_of(fd) == FOLLOWED)
        record(SYNC, -1, 0, 0, 0, 0);
    return result;
}

/* Names */

static int named(int operation, const char *path, int result) {
    if (is_below(path) && !result)
        record(operation, -1, 0, path, strlen(path), 0);
    return result;
}

static int named_twice(int operation, const char *from, const char *to, int result) {
    if ((is_below(from) || is_below(to)) && !result) {
        char both[2 * PATH_MAX];
        size_t first = strlen(from) + 1, second = strlen(to);
        memcpy(both, from, first);
        memcpy(both + first, to, second);
        record(operation, -1, 0, both, first + second, 0);
    }
    return result;
}

static const char *whole_path(int place, const char *path, char *whole) {
    absolute(place, path, whole);
    if (is_below(whole))
        change();
    return whole;
}

#define NAMER(name, operation, parameters, place, path, call)                 \
    static int(*real_##name) parameters;                                      \
    int name parameters {                                                     \
        char whole[PATH_MAX];                                                 \
        whole_path(place, path, whole);                                       \
        return named(operation, whole, call);                                 \
    }
NAMER(unlink, UNLINK, (const char *path), AT_FDCWD, path, REAL(unlink)(path))
NAMER(rmdir, RMDIR, (const char *path), AT_FDCWD, path, REAL(rmdir)(path))
NAMER(mkdir, MKDIR, (const char *path, mode_t mode), AT_FDCWD, path, REAL(mkdir)(path, mode))
NAMER(unlinkat, (flags & AT_REMOVEDIR) ? RMDIR : UNLINK, (int place, const char *path, int flags),
      place, path, REAL(unlinkat)(place, path, flags))

#define NAMER_OF_TWO(name, operation, parameters, at_from, at_to, call)       \
    static int(*real_##name) parameters;                                      \
    int name parameters {                                                     \
        char old[PATH_MAX], new[PATH_MAX];                                    \
        absolute(at_from, from, old);                                         \
        whole_path(at_to, to, new);                                           \
        return named_twice(operation, old, new, call);                        \
    }
NAMER_OF_TWO(rename, RENAME, (const char *from, const char *to), AT_FDCWD, AT_FDCWD,
             REAL(rename)(from, to))
NAMER_OF_TWO(renameat, RENAME, (int source, const char *from, int target, const char *to), source,
             target, REAL(renameat)(source, from, target, to))
NAMER_OF_TWO(link, LINK, (const char *from, const char *to), AT_FDCWD, AT_FDCWD,
             REAL(link)(from, to))
NAMER_OF_TWO(linkat, LINK,
             (int source, const char *from, int target, const char *to, int flags), source, target,
             REAL(linkat)(source, from, target, to, flags))
