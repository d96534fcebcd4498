/* Preloaded into the server: writes down, in order, what it does to files below RECORD_DIR that decides what is there
 * after a power cut. One record an operation, appended to RECORD_FILE once the operation is done:
 *   kind (1 byte), number of the path (4), offset (8), length (8), then the data of a write or the name of a path.
 * Only whole records are appended (one write each), so the file's length tells what had happened by then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FDS 4096
#define MAX_PATHS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char *watched;
static int path_of_fd[MAX_FDS]; /* number of the path + 1; 0: not watched */
static char *paths[MAX_PATHS];
static int n_paths;

__attribute__((constructor)) static void start(void) {
    watched = getenv("RECORD_DIR");
    const char *file = getenv("RECORD_FILE");
    if (watched && file)
        log_fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The caller holds the lock. */
static void append(char kind, uint32_t path, uint64_t offset, uint64_t length, const void *data, size_t n_data) {
    char head[21];
    head[0] = kind;
    memcpy(head + 1, &path, 4);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &length, 8);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, n_data}};
    if (syscall(SYS_writev, log_fd, parts, 2) != (long)(sizeof head + n_data))
        abort();
}

static int number(const char *path) {
    for (int n = 0; n < n_paths; n++)
        if (!strcmp(paths[n], path))
            return n;
    if (n_paths == MAX_PATHS)
        abort();
    paths[n_paths] = strdup(path);
    append('P', n_paths, 0, strlen(path), path, strlen(path));
    return n_paths++;
}

/* Shared memory is made anew at each start. */
static int is_watched(const char *path) {
    size_t n = strlen(path);
    return log_fd >= 0 && !strncmp(path, watched, strlen(watched)) && !(n > 4 && !strcmp(path + n - 4, "-shm"));
}

static int path_of(int fd) {
    return fd >= 0 && fd < MAX_FDS ? path_of_fd[fd] - 1 : -1;
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static void opened(int fd, const char *path, int flags) {
    if (fd < 0 || fd >= MAX_FDS)
        return;
    pthread_mutex_lock(&lock);
    path_of_fd[fd] = 0;
    if (is_watched(path)) {
        int n = number(path);
        path_of_fd[fd] = n + 1;
        if (flags & (O_CREAT | O_TRUNC))
            append('O', n, 0, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        int fd = REAL(name)(path, flags, mode);                                                                        \
        opened(fd, path, flags);                                                                                       \
        return fd;                                                                                                     \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (path_of(fd) >= 0) {
        pthread_mutex_lock(&lock);
        path_of_fd[fd] = 0;
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(fd);
}

/* While a watched file is written, no other operation comes between it and its record. */
ssize_t write(int fd, const void *data, size_t n) {
    if (path_of(fd) < 0)
        return REAL(write)(fd, data, n);
    pthread_mutex_lock(&lock);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t written = REAL(write)(fd, data, n);
    if (written > 0)
        append('W', path_of(fd), offset, written, data, written);
    pthread_mutex_unlock(&lock);
    return written;
}

#define PWRITE(name)                                                                                                   \
    ssize_t name(int fd, const void *data, size_t n, off_t offset) {                                                   \
        if (path_of(fd) < 0)                                                                                           \
            return REAL(name)(fd, data, n, offset);                                                                    \
        pthread_mutex_lock(&lock);                                                                                     \
        ssize_t written = REAL(name)(fd, data, n, offset);                                                             \
        if (written > 0)                                                                                               \
            append('W', path_of(fd), offset, written, data, written);                                                  \
        pthread_mutex_unlock(&lock);                                                                                   \
        return written;                                                                                                \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define OF_FD(name, arguments, call, kind, length)                                                                     \
    int name arguments {                                                                                               \
        if (path_of(fd) < 0)                                                                                           \
            return REAL(name) call;                                                                                    \
        pthread_mutex_lock(&lock);                                                                                     \
        int result = REAL(name) call;                                                                                  \
        if (!result)                                                                                                   \
            append(kind, path_of(fd), 0, length, NULL, 0);                                                             \
        pthread_mutex_unlock(&lock);                                                                                   \
        return result;                                                                                                 \
    }
OF_FD(ftruncate, (int fd, off_t length), (fd, length), 'T', length)
OF_FD(ftruncate64, (int fd, off_t length), (fd, length), 'T', length)
OF_FD(fsync, (int fd), (fd), 'S', 0)
OF_FD(fdatasync, (int fd), (fd), 'S', 0)

int rename(const char *from, const char *to) {
    if (!is_watched(to))
        return REAL(rename)(from, to);
    pthread_mutex_lock(&lock);
    int result = REAL(rename)(from, to);
    if (!result)
        append('R', number(from), number(to), 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

#define OF_PATH(name, arguments, call, kind)                                                                           \
    int name arguments {                                                                                               \
        if (!is_watched(path))                                                                                         \
            return REAL(name) call;                                                                                    \
        pthread_mutex_lock(&lock);                                                                                     \
        int result = REAL(name) call;                                                                                  \
        if (!result)                                                                                                   \
            append(kind, number(path), 0, 0, NULL, 0);                                                                 \
        pthread_mutex_unlock(&lock);                                                                                   \
        return result;                                                                                                 \
    }
OF_PATH(unlink, (const char *path), (path), 'U')
OF_PATH(mkdir, (const char *path, mode_t mode), (path, mode), 'D')
