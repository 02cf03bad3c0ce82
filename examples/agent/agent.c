/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loader for programs that were not linked with libhotfix: LD_PRELOAD this library, and it answers on a UNIX socket.
 *
 *     HOTFIX_AGENT_SOCKET  path of the socket (mode 0600); without it the agent does nothing
 *     HOTFIX_AGENT_TRUST   trust store
 *
 * One request a connection, one line: "apply PATH", "revert [ID]" or "list". The answer ends with the connection: its
 * first line is "ok" or "error CODE: message", then what was done. Whoever can open the socket can ask; what they ask
 * is still only done for a bundle that a trusted key signed.
 */
#define _GNU_SOURCE
#include <hotfix.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define AGENT_STACK (256 * 1024)

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
    for (size_t i = 0; i < result->function_count; i++)
        fprintf(out, "function %s %p %p\n", result->functions[i].name, result->functions[i].old_address,
                result->functions[i].new_address);
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
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s %s %s %zu\n", list[i].id, list[i].name, list[i].version, list[i].function_count);
    free(list);
}

static void agent_serve(FILE *in, FILE *out)
{
    char line[4096];

    if (!fgets(line, sizeof(line), in))
        return;
    line[strcspn(line, "\n")] = '\0';

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

/* Takes the connection. Reading and writing want a stream each: a socket cannot seek from one to the other. */
static void agent_answer(int fd)
{
    int writer = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *in = fdopen(fd, "r");
    FILE *out = writer < 0 ? NULL : fdopen(writer, "w");

    if (in && out)
        agent_serve(in, out);
    if (out)
        fclose(out);
    else if (writer >= 0)
        close(writer);
    if (in)
        fclose(in);
    else
        close(fd);
}

static void *agent_main(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept4(agent_socket, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return NULL;
        }
        agent_answer(fd);
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
