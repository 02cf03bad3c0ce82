/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/audit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"

#define JOURNAL    "/run/systemd/journal/socket" /* systemd's Native Journal Protocol */
#define SYSLOG     "/dev/log"
#define MESSAGE_ID "7f2a5f1c6f1d4f0fb1c2f6a7f0f0c9d3" /* of all these records: journalctl MESSAGE_ID=... */
#define TEXT_SIZE  2048
#define NOBODY     4294967295u /* a login that the kernel knows nothing of */

/* Lines of FIELD=VALUE. */
struct fields {
    char text[4 * TEXT_SIZE];
    size_t used;
};

/* A value is one line: what its writer chose must not become another field. */
__attribute__((format(printf, 3, 4))) static void add(struct fields *fields, const char *name, const char *format, ...)
{
    char value[TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    for (char *byte = value; *byte; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 127)
            *byte = '?';
    }
    int length = snprintf(fields->text + fields->used, sizeof(fields->text) - fields->used, "%s=%s\n", name, value);
    if (length > 0 && (size_t)length < sizeof(fields->text) - fields->used)
        fields->used += (size_t)length;
}

static void add_if(struct fields *fields, const char *name, const char *value)
{
    if (value && *value)
        add(fields, name, "%s", value);
}

/* Who logged in, whatever became of that user by su or sudo: the kernel keeps it. */
static unsigned int login(void)
{
    char text[16] = "";
    unsigned int uid = NOBODY;
    HF_CLOSE int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
        sscanf(text, "%u", &uid);
    return uid;
}

static void describe(const struct hf_audit *record, char *text, size_t size)
{
    char process[32] = "", pause[48] = "";

    if (record->pid > 0)
        snprintf(process, sizeof(process), " in process %d", (int)record->pid);
    if (record->pause_ns > 0)
        snprintf(pause, sizeof(pause), ", threads paused for %" PRIu64 " us", record->pause_ns / 1000);
    snprintf(text, size, "%s %s%s: %s%s%s%s%s%s (by user %u)", record->verb,
             record->bundle ? record->bundle : record->operand, process, record->result, record->message ? ": " : "",
             record->message ? record->message : "", record->signers && *record->signers ? ", signed by " : "",
             record->signers ? record->signers : "", pause, getuid());
}

static int connect_to(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    HF_CLOSE int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return -1;
    int connected = fd;
    fd = -1;
    return connected;
}

static int priority(const struct hf_audit *record)
{
    return record->message ? LOG_WARNING : LOG_NOTICE;
}

/* Programs that start with the agent tell of themselves. */
static const char *identifier(const struct hf_audit *record)
{
    return strcmp(record->verb, "start") == 0 ? "hotfix-agent" : "hotfixctl";
}

static bool send_to_journal(const struct hf_audit *record, const char *text)
{
    struct fields fields = {.used = 0};
    unsigned int who = login();
    HF_CLOSE int fd = connect_to(JOURNAL, SOCK_DGRAM);

    if (fd < 0)
        return false;
    add(&fields, "MESSAGE", "%s", text);
    add(&fields, "MESSAGE_ID", MESSAGE_ID);
    add(&fields, "PRIORITY", "%d", priority(record));
    add(&fields, "SYSLOG_IDENTIFIER", "%s", identifier(record));
    add(&fields, "HOTFIX_VERB", "%s", record->verb);
    add_if(&fields, "HOTFIX_OPERAND", record->operand);
    add_if(&fields, "HOTFIX_BUNDLE", record->bundle);
    add_if(&fields, "HOTFIX_ID", record->id);
    add_if(&fields, "HOTFIX_SIGNERS", record->signers);
    add(&fields, "HOTFIX_RESULT", "%s", record->result);
    add_if(&fields, "HOTFIX_WHY", record->message);
    if (record->pid > 0)
        add(&fields, "HOTFIX_PID", "%d", (int)record->pid);
    if (record->pause_ns > 0)
        add(&fields, "HOTFIX_PAUSE_NS", "%" PRIu64, record->pause_ns);
    if (who != NOBODY)
        add(&fields, "HOTFIX_LOGIN_UID", "%u", who);
    return send(fd, fields.text, fields.used, MSG_NOSIGNAL) == (ssize_t)fields.used;
}

/*
 * As syslog(3) does it: which would keep the name and the facility for what the program itself writes later. A line
 * ends at its NUL where the daemon listens for a stream.
 */
static void send_to_syslog(const struct hf_audit *record, const char *text)
{
    char line[TEXT_SIZE + 64];
    HF_CLOSE int datagram = connect_to(SYSLOG, SOCK_DGRAM);
    HF_CLOSE int stream = datagram < 0 ? connect_to(SYSLOG, SOCK_STREAM) : -1;

    int length = snprintf(line, sizeof(line), "<%d>%s[%d]: %s", LOG_AUTHPRIV | priority(record), identifier(record),
                          (int)getpid(), text);
    for (char *byte = line; *byte; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 127)
            *byte = '?';
    }
    if (datagram >= 0)
        send(datagram, line, (size_t)length, MSG_NOSIGNAL);
    else if (stream >= 0)
        send(stream, line, (size_t)length + 1, MSG_NOSIGNAL);
}

void hf_audit_write(const struct hf_audit *record)
{
    char text[TEXT_SIZE];

    describe(record, text, sizeof(text));
    if (!send_to_journal(record, text))
        send_to_syslog(record, text);
}

bool hf_audit_is_heard(void)
{
    HF_CLOSE int journal = connect_to(JOURNAL, SOCK_DGRAM);
    HF_CLOSE int datagram = connect_to(SYSLOG, SOCK_DGRAM);
    HF_CLOSE int stream = connect_to(SYSLOG, SOCK_STREAM);

    return journal >= 0 || datagram >= 0 || stream >= 0;
}
