/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

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

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    HF_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return -1;
    int connected = fd;
    fd = -1;
    return connected;
}

static bool send_to_journal(const struct hf_audit *record, const char *text)
{
    struct fields fields = {.used = 0};
    unsigned int who = login();
    HF_CLOSE int fd = connect_to(JOURNAL);

    if (fd < 0)
        return false;
    add(&fields, "MESSAGE", "%s", text);
    add(&fields, "MESSAGE_ID", MESSAGE_ID);
    add(&fields, "PRIORITY", "%d", record->message ? LOG_WARNING : LOG_NOTICE);
    add(&fields, "SYSLOG_IDENTIFIER", "hotfixctl");
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

void hf_audit_write(const struct hf_audit *record)
{
    char text[TEXT_SIZE];

    describe(record, text, sizeof(text));
    if (send_to_journal(record, text))
        return;
    openlog("hotfixctl", LOG_PID, LOG_AUTHPRIV);
    syslog(record->message ? LOG_WARNING : LOG_NOTICE, "%s", text);
    closelog();
}

bool hf_audit_is_heard(void)
{
    HF_CLOSE int journal = connect_to(JOURNAL);
    HF_CLOSE int syslog_socket = connect_to(SYSLOG);

    return journal >= 0 || syslog_socket >= 0;
}
