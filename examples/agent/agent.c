/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loader for programs that were not linked with libhotfix: LD_PRELOAD this library, and it answers on a UNIX socket.
 *
 *     HOTFIX_AGENT_SOCKET  path of the socket (mode 0600); without it the agent does nothing
 *     HOTFIX_AGENT_TRUST   trust store
 *
 * One request a connection, one line: "apply PATH", "revert [ID]" or "list". The answer ends with the connection: its
 * first line is "ok" or "error CODE: message", then what was done. Whoever can open the socket can ask; what they ask
 * is still only done for a bundle that a trusted key signed. Clients are answered one after the other; each has five
 * seconds for its request.
 */
#define _GNU_SOURCE
#include <hotfix.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define AGENT_STACK       (256 * 1024)
#define AGENT_PATIENCE_MS 5000      /* that a client has for its request, and for taking the answer */
#define AGENT_PAUSE_NS    100000000 /* before accepting is tried again */

static struct hotfix *agent_hotfix;
static int agent_socket = -1;

static void agent_report(FILE *out, const struct hotfix_result *result)
{
    if (result->error.code != HOTFIX_OK) {
        fprintf(out, "error %d: %s\n", (int)result->error.code, result->error.message);
        return;
    }
    fprintf(out, "ok\nid %s\npause_ns %llu\ntotal_ns %llu\n", result->id, (unsigned long long)result->cost.pause,
            (unsigned long long)result->cost.total);
    const struct hotfix_function *function = result->functions;
    for (size_t i = 0; i < result->function_count; i++, function = HOTFIX_NEXT(function))
        fprintf(out, "function %s %p %p\n", function->name, function->old_address, function->new_address);
}

static void agent_list(FILE *out)
{
    struct hotfix_applied *list;
    struct hotfix_error error;
    size_t count;

    if (hotfix_list(agent_hotfix, &list, &count, &error) != 0) {
        fprintf(out, "error %d: %s\n", (int)error.code, error.message);
        return;
    }
    fprintf(out, "ok\n");
    const struct hotfix_applied *item = list;
    for (size_t i = 0; i < count; i++, item = HOTFIX_NEXT(item))
        fprintf(out, "%s %s %s %zu\n", item->id, item->name, item->version, item->function_count);
    free(list);
}

/* Answers one request, which it takes apart. */
static void agent_serve(char *line, FILE *out)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (strncmp(line, "apply ", 6) == 0) {
        hotfix_apply(agent_hotfix, line + 6, &result);
        agent_report(out, &result);
    } else if (strncmp(line, "revert", 6) == 0 && (line[6] == '\0' || line[6] == ' ')) {
        hotfix_revert(agent_hotfix, line[6] ? line + 7 : NULL, &result);
        agent_report(out, &result);
    } else if (strcmp(line, "list") == 0) {
        agent_list(out);
    } else {
        fprintf(out, "error %d: unknown request '%s': ask apply PATH, revert [ID] or list\n", (int)HOTFIX_USAGE, line);
    }
    hotfix_result_deinit(&result);
}

static int64_t agent_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the socket can be read or written (POLLIN, POLLOUT). False when the client took longer than it has. */
static bool agent_wait(int fd, short events, int64_t deadline)
{
    struct pollfd request = {.fd = fd, .events = events};

    for (;;) {
        int64_t left = deadline - agent_clock();
        int ready = left > 0 ? poll(&request, 1, (int)left) : 0;
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* One line, or what there is until the client closes its side. False: it is too long, or came too late. */
static bool agent_read(int fd, char *line, size_t size)
{
    int64_t deadline = agent_clock() + AGENT_PATIENCE_MS;
    size_t used = 0;

    while (used + 1 < size && agent_wait(fd, POLLIN, deadline)) {
        ssize_t got = recv(fd, line + used, size - 1 - used, MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        used += got > 0 ? (size_t)got : 0;
        line[used] = '\0';
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (end || got == 0)
            return used > 0;
    }
    return false;
}

static void agent_write(int fd, const char *text, size_t size)
{
    int64_t deadline = agent_clock() + AGENT_PATIENCE_MS;

    while (size > 0 && agent_wait(fd, POLLOUT, deadline)) {
        ssize_t sent = send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return;
        text += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

/* A client that says nothing, or does not read its answer, is left after a while: others are waiting. */
static void agent_answer(int fd)
{
    char line[4096];
    char *text = NULL;
    size_t size = 0;

    if (!agent_read(fd, line, sizeof(line)))
        return;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    agent_serve(line, out);
    if (fclose(out) == 0)
        agent_write(fd, text, size);
    free(text);
}

/* Whether accepting failed because the socket is none: everything else passes (accept(2), "Error handling"). */
static bool agent_socket_is_gone(int error)
{
    return error == EBADF || error == ENOTSOCK || error == EINVAL || error == EOPNOTSUPP || error == EFAULT;
}

static void *agent_main(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept4(agent_socket, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            agent_answer(fd);
            close(fd);
        } else if (agent_socket_is_gone(errno)) {
            return NULL;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            /* The program has no descriptor or memory left for now: the client waits in the queue. */
            nanosleep(&(struct timespec){.tv_nsec = AGENT_PAUSE_NS}, NULL);
        }
    }
}

static int agent_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    strcpy(address.sun_path, path);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    mode_t mask = umask(077);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (bound != 0 || listen(fd, 4) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The agent's thread takes none of the program's signals. */
static int agent_start_thread(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);

    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, AGENT_STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int failed = pthread_create(&thread, &attributes, agent_main, NULL);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? -1 : 0;
}

__attribute__((constructor)) static void agent_start(void)
{
    const char *path = getenv("HOTFIX_AGENT_SOCKET");
    if (!path)
        return;

    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_error error;
    options.trust = getenv("HOTFIX_AGENT_TRUST");
    if (hotfix_open(&options, &agent_hotfix, &error) != 0) {
        fprintf(stderr, "hotfix agent: %s\n", error.message);
        return;
    }
    agent_socket = agent_listen(path);
    if (agent_socket < 0 || agent_start_thread() != 0)
        fprintf(stderr, "hotfix agent: cannot listen on %s: %s\n", path, strerror(errno));
    /* Children of the program shall not fight for the socket. */
    unsetenv("HOTFIX_AGENT_SOCKET");
}
