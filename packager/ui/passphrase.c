/* SPDX-License-Identifier: Apache-2.0 */
#include "ui/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

#define FILE_MAX (HF_PASSPHRASE_MAX + 4096) /* a line, and whatever follows it */

/* A pipe is between this user's processes; a file that others may read or write is no secret. */
static int check_kind(int fd, const char *path, struct hotfix_error *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "passphrase file %s: cannot be examined", path);
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
        return hf_error(err, HOTFIX_IO, "passphrase file %s: is neither a regular file nor a pipe", path);
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return hf_error(err, HOTFIX_TRUST,
                        "passphrase file %s: is open to other users (mode %04o); if they cannot have read it, chmod "
                        "600 it, else choose another passphrase",
                        path, status.st_mode & 07777);
    return 0;
}

/* As much as there is and fits. */
static ssize_t read_some(int fd, char *data, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t got = read(fd, data + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

int hf_passphrase_read(const char *path, struct hf_passphrase *passphrase, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char data[FILE_MAX];

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "passphrase file %s: cannot be opened", path);
    if (check_kind(fd, path, err) != 0)
        return -1;
    ssize_t size = read_some(fd, data, sizeof(data));
    if (size < 0)
        return hf_error_sys(err, HOTFIX_IO, "passphrase file %s: cannot be read", path);

    const char *end = memchr(data, '\n', (size_t)size);
    size_t length = end ? (size_t)(end - data) : (size_t)size;
    int result = 0;
    if (length == 0 || length > HF_PASSPHRASE_MAX || memchr(data, '\0', length)) {
        result = hf_error(err, HOTFIX_FORMAT, "passphrase file %s: its first line must be 1 to %d bytes of text", path,
                          HF_PASSPHRASE_MAX);
    } else {
        memcpy(passphrase->text, data, length);
        passphrase->text[length] = '\0';
        passphrase->size = length;
    }
    explicit_bzero(data, sizeof(data));
    return result;
}

void hf_passphrase_wipe(struct hf_passphrase *passphrase)
{
    explicit_bzero(passphrase, sizeof *passphrase);
}

/* Through libcrypto, which keeps the terminal from echoing and puts it back whatever signal comes. */
static int prompt(const char *question, bool twice, struct hf_passphrase *passphrase, struct hotfix_error *err)
{
    HF_CLOSE int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return hf_error_sys(err, HOTFIX_IO, "a passphrase is needed and there is no terminal to ask on");
    if (EVP_read_pw_string_min(passphrase->text, 1, HF_PASSPHRASE_MAX, question, twice) != 0)
        return hf_error(err, HOTFIX_USAGE,
                        twice ? "no passphrase was given, or the two differ" : "no passphrase was given");
    passphrase->size = strlen(passphrase->text);
    return 0;
}

int hf_passphrase_choose(struct hf_passphrase *passphrase, struct hotfix_error *err)
{
    return prompt("Passphrase: ", true, passphrase, err);
}

int hf_passphrase_ask(char *buffer, size_t size, void *arg)
{
    struct hf_passphrase_source *source = arg;
    struct hf_passphrase passphrase = {.size = 0};

    /* libcrypto asks again after a failure, and a pipe that was refused has nobody left who writes to it. */
    if (source->error.code != HOTFIX_OK)
        return -1;
    int result = source->path ? hf_passphrase_read(source->path, &passphrase, &source->error)
                              : prompt("Passphrase: ", false, &passphrase, &source->error);
    int length = -1;
    if (result == 0 && passphrase.size > 0 && passphrase.size <= size) {
        memcpy(buffer, passphrase.text, passphrase.size);
        length = (int)passphrase.size;
    }
    hf_passphrase_wipe(&passphrase);
    return length;
}

int hf_passphrase_failed(const struct hf_passphrase_source *source, struct hotfix_error *err)
{
    if (err && source->error.code != HOTFIX_OK)
        *err = source->error;
    return -1;
}
