/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator: keeps requesting one path over keep-alive connections, one a thread, until SIGTERM or SIGINT.
 *
 *     load PORT PATH THREADS PRICE...
 *
 * A request is served when the answer is 200 and holds one of the prices; anything else, a lost connection included, is
 * a failure. It says "loading" on stdout once every connection has been answered, and at the end, as JSON, how many
 * requests were served and failed, how often each price came, and the longest time that one request took.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOAD_THREADS_MAX 256
#define LOAD_PRICES_MAX  8
#define LOAD_ANSWER_MAX  4096

struct load {
    uint16_t port;
    const char *path;
    const char *const *prices;
    size_t price_count;
    atomic_bool stop;
    atomic_uint answered; /* connections that got their first answer */
};

struct load_worker {
    struct load *load;
    pthread_t thread;
    uint64_t served;
    uint64_t failed;
    uint64_t by_price[LOAD_PRICES_MAX];
    uint64_t slowest_ns;
};

static uint64_t load_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int load_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct timeval limit = {.tv_sec = 10};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool load_send(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        left -= (size_t)sent;
    }
    return true;
}

/* Reads one answer with a Content-Length; returns its body, NUL-terminated, inside buffer, or NULL. */
static const char *load_receive(int fd, char buffer[LOAD_ANSWER_MAX])
{
    size_t fill = 0;

    for (;;) {
        ssize_t received = recv(fd, buffer + fill, LOAD_ANSWER_MAX - 1 - fill, 0);
        if (received <= 0)
            return NULL;
        fill += (size_t)received;
        buffer[fill] = '\0';

        const char *body = strstr(buffer, "\r\n\r\n");
        if (!body)
            continue;
        body += 4;
        const char *length = strcasestr(buffer, "\r\nContent-Length:");
        if (!length || length > body)
            return NULL;
        if (fill - (size_t)(body - buffer) >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10))
            return strncmp(buffer, "HTTP/1.1 200 ", 13) == 0 ? body : NULL;
    }
}

/* Which of the prices the answer holds; price_count when none. */
static size_t load_price(const struct load *load, const char *body)
{
    size_t i = 0;

    while (i < load->price_count) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "\"price\": \"%s\"", load->prices[i]);
        if (strstr(body, wanted))
            break;
        i++;
    }
    return i;
}

static bool load_request(struct load_worker *worker, int fd, const char *request)
{
    char buffer[LOAD_ANSWER_MAX];
    uint64_t begin = load_clock();
    const char *body = load_send(fd, request) ? load_receive(fd, buffer) : NULL;
    uint64_t took = load_clock() - begin;
    size_t price = body ? load_price(worker->load, body) : worker->load->price_count;

    if (took > worker->slowest_ns)
        worker->slowest_ns = took;
    if (price == worker->load->price_count) {
        worker->failed++;
        return false;
    }
    worker->served++;
    worker->by_price[price]++;
    return true;
}

static void *load_run(void *arg)
{
    struct load_worker *worker = arg;
    struct load *load = worker->load;
    char request[1024];
    bool first = true;
    int fd = -1;

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", load->path);
    while (!load->stop) {
        if (fd < 0)
            fd = load_connect(load->port);
        if (fd < 0) {
            worker->failed++;
            usleep(10000);
        } else if (!load_request(worker, fd, request)) {
            close(fd);
            fd = -1;
        } else if (first) {
            first = false;
            load->answered++;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void load_report(const struct load *load, const struct load_worker *workers, size_t count)
{
    struct load_worker sum = {0};

    for (size_t i = 0; i < count; i++) {
        sum.served += workers[i].served;
        sum.failed += workers[i].failed;
        for (size_t j = 0; j < load->price_count; j++)
            sum.by_price[j] += workers[i].by_price[j];
        if (workers[i].slowest_ns > sum.slowest_ns)
            sum.slowest_ns = workers[i].slowest_ns;
    }
    printf("{\"served\": %ju, \"failed\": %ju, \"slowest_ns\": %ju, \"prices\": {", (uintmax_t)sum.served,
           (uintmax_t)sum.failed, (uintmax_t)sum.slowest_ns);
    for (size_t j = 0; j < load->price_count; j++)
        printf("%s\"%s\": %ju", j ? ", " : "", load->prices[j], (uintmax_t)sum.by_price[j]);
    printf("}}\n");
}

int main(int argc, char **argv)
{
    long threads = argc > 4 ? strtol(argv[3], NULL, 10) : 0;

    if (threads < 1 || threads > LOAD_THREADS_MAX || argc - 4 > LOAD_PRICES_MAX) {
        fprintf(stderr, "usage: load PORT PATH THREADS PRICE...\n");
        return 2;
    }
    struct load load = {.port = (uint16_t)strtoul(argv[1], NULL, 10),
                        .path = argv[2],
                        .prices = (const char *const *)argv + 4,
                        .price_count = (size_t)(argc - 4)};
    static struct load_worker workers[LOAD_THREADS_MAX];
    sigset_t signals;
    int caught;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (long i = 0; i < threads; i++) {
        workers[i].load = &load;
        int error = pthread_create(&workers[i].thread, NULL, load_run, &workers[i]);
        if (error) {
            fprintf(stderr, "load: thread %ld: %s\n", i, strerror(error));
            return 1;
        }
    }

    /* A server that never answers leaves the signal as the way out. */
    struct timespec tick = {.tv_nsec = 10000000};
    while (load.answered < (unsigned long)threads)
        if (sigtimedwait(&signals, NULL, &tick) > 0)
            break;
    if (load.answered == (unsigned long)threads) {
        printf("loading\n");
        fflush(stdout);
        sigwait(&signals, &caught);
    }
    load.stop = true;
    for (long i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    load_report(&load, workers, (size_t)threads);
    return 0;
}
