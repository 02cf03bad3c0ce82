/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server that can be fixed while it runs.
 *
 *     webapp --token FILE --trust KEYS [--port N] [--threads N]
 *
 * GET /price?amount=199.99&percent=15 answers {"amount": "199.99", "percent": 15, "price": "169.99"}; the admin
 * requests are in admin.h. It listens on 127.0.0.1, by default on a free port, says which on stdout, and serves until
 * SIGTERM or SIGINT.
 */
#define _GNU_SOURCE
#include "admin.h"
#include "discount.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEBAPP_AMOUNT_MAX 1000000000L /* cents */
#define WEBAPP_THREADS    4

struct webapp_options {
    const char *token;
    const char *trust;
    uint16_t port;
    unsigned threads;
};

/* One request's body, while it arrives. */
struct webapp_upload {
    char *bytes;
    size_t size;
    size_t capacity;
    bool refused; /* too large, or no memory for it */
};

/* Decimal digits alone. */
static int webapp_number(const char *text, unsigned long limit, unsigned long *number)
{
    char *end;

    *number = strtoul(text, &end, 10);
    return *text < '0' || *text > '9' || *end || *number > limit ? -1 : 0;
}

/* "199.99" or "200" to cents; -1 when it is no amount. */
static long webapp_parse_amount(const char *text)
{
    long cents = 0;
    int decimals = -1;

    for (; *text; text++) {
        if (*text == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || decimals == 2 || cents > WEBAPP_AMOUNT_MAX)
            return -1;
        cents = cents * 10 + (*text - '0');
        decimals += decimals >= 0;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 2; i++)
        cents *= 10;
    return cents <= WEBAPP_AMOUNT_MAX ? cents : -1;
}

static unsigned webapp_price(struct MHD_Connection *connection, char **answer)
{
    const char *amount_text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "amount");
    const char *percent_text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "percent");
    long amount = amount_text && *amount_text ? webapp_parse_amount(amount_text) : -1;
    unsigned long percent;

    if (amount < 0 || !percent_text || webapp_number(percent_text, 100, &percent) != 0) {
        *answer = strdup("{\"error\": \"ask /price?amount=199.99&percent=15\"}\n");
        return MHD_HTTP_BAD_REQUEST;
    }
    long price = amount - calc_discount(amount, (int)percent);
    if (asprintf(answer, "{\"amount\": \"%ld.%02ld\", \"percent\": %lu, \"price\": \"%ld.%02ld\"}\n", amount / 100,
                 amount % 100, percent, price / 100, price % 100) < 0)
        *answer = NULL;
    return MHD_HTTP_OK;
}

static enum MHD_Result webapp_answer(struct MHD_Connection *connection, unsigned status, char *answer)
{
    struct MHD_Response *response =
        answer ? MHD_create_response_from_buffer(strlen(answer), answer, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response) {
        free(answer);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static void webapp_receive(struct webapp_upload *upload, const char *data, size_t size)
{
    upload->refused |= size > ADMIN_BUNDLE_MAX - upload->size;
    if (upload->refused)
        return;
    if (size > upload->capacity - upload->size) {
        size_t capacity = 2 * upload->size + size;
        char *grown = realloc(upload->bytes, capacity);
        if (!grown) {
            upload->refused = true;
            return;
        }
        upload->bytes = grown;
        upload->capacity = capacity;
    }
    memcpy(upload->bytes + upload->size, data, size);
    upload->size += size;
}

static const char *webapp_authorization(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
}

static unsigned webapp_admin(const struct admin *admin, struct MHD_Connection *connection, const char *method,
                             const char *path, const struct webapp_upload *upload, char **answer)
{
    if (upload->refused) {
        *answer = strdup("{\"ok\":false,\"error\":{\"message\":\"the body is too large\"}}");
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    struct admin_request request = {
        .method = method,
        .path = path,
        .authorization = webapp_authorization(connection),
        .id = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "id"),
        .body = upload->bytes ? upload->bytes : "",
        .body_size = upload->size,
    };
    return admin_handle(admin, &request, answer);
}

/* libmicrohttpd's handler: called with the headers, with each piece of the body, and at its end. */
static enum MHD_Result webapp_request(void *arg, struct MHD_Connection *connection, const char *path,
                                      const char *method, const char *version, const char *data, size_t *data_size,
                                      void **state)
{
    const struct admin *admin = arg;
    struct webapp_upload *upload = *state;
    char *answer = NULL;
    unsigned status = MHD_HTTP_NOT_FOUND;

    (void)version;
    if (!upload) {
        upload = calloc(1, sizeof(*upload));
        *state = upload;
        return upload ? MHD_YES : MHD_NO;
    }
    if (*data_size > 0) {
        /* Who may not ask may not fill memory either. */
        if (admin_authorized(admin, webapp_authorization(connection)))
            webapp_receive(upload, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (strcmp(path, "/price") == 0 && strcmp(method, MHD_HTTP_METHOD_GET) == 0)
        status = webapp_price(connection, &answer);
    else if (strncmp(path, "/admin/", strlen("/admin/")) == 0)
        status = webapp_admin(admin, connection, method, path, upload, &answer);
    else
        answer = strdup("{\"error\": \"not found\"}\n");
    return webapp_answer(connection, status, answer);
}

static void webapp_request_done(void *arg, struct MHD_Connection *connection, void **state,
                                enum MHD_RequestTerminationCode code)
{
    struct webapp_upload *upload = *state;

    (void)arg, (void)connection, (void)code;
    if (upload)
        free(upload->bytes);
    free(upload);
    *state = NULL;
}

static int webapp_parse_options(int argc, char **argv, struct webapp_options *options)
{
    static const struct option table[] = {{"token", required_argument, NULL, 't'},
                                          {"trust", required_argument, NULL, 'k'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"threads", required_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    unsigned long number;
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 't')
            options->token = optarg;
        else if (option == 'k')
            options->trust = optarg;
        else if (option == 'p' && webapp_number(optarg, UINT16_MAX, &number) == 0)
            options->port = (uint16_t)number;
        else if (option == 'n' && webapp_number(optarg, 1024, &number) == 0 && number > 1)
            options->threads = (unsigned)number;
        else
            return -1;
    }
    return options->token && options->trust && optind == argc ? 0 : -1;
}

static struct MHD_Daemon *webapp_start(const struct webapp_options *options, struct admin *admin)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options->port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};

    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                            webapp_request, admin, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE,
                            options->threads, MHD_OPTION_NOTIFY_COMPLETED, webapp_request_done, NULL, MHD_OPTION_END);
}

int main(int argc, char **argv)
{
    struct webapp_options options = {.threads = WEBAPP_THREADS};
    struct admin admin = {0};
    sigset_t signals;
    int caught;

    if (webapp_parse_options(argc, argv, &options) != 0) {
        fprintf(stderr, "usage: webapp --token FILE --trust KEYS [--port N] [--threads N]\n");
        return 2;
    }
    if (admin_init(&admin, options.token, options.trust) != 0)
        return 1;

    /* Blocked in every thread, taken by sigwait() here. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    struct MHD_Daemon *daemon = webapp_start(&options, &admin);
    if (!daemon) {
        fprintf(stderr, "webapp: cannot listen on 127.0.0.1 port %u\n", options.port);
        admin_deinit(&admin);
        return 1;
    }
    printf("listening on 127.0.0.1:%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&signals, &caught);
    MHD_stop_daemon(daemon);
    admin_deinit(&admin);
    return 0;
}
