/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/passphrase.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define FILE_MAX (HF_PASSPHRASE_MAX + 4096) /* a line, and whatever follows it */

int hf_passphrase_read(const char *path, struct hf_passphrase *passphrase, struct hotfix_error *err)
{
    HF_FREE uint8_t *data = NULL;
    size_t size = 0;
    if (hf_file_read(path, FILE_MAX, &data, &size, err) != 0)
        return hf_error_prefix(err, "passphrase file");

    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    int result = 0;
    if (length == 0 || length > HF_PASSPHRASE_MAX || memchr(data, '\0', length)) {
        result = hf_error(err, HOTFIX_FORMAT, "passphrase file %s: its first line must be 1 to %d bytes of text", path,
                          HF_PASSPHRASE_MAX);
    } else {
        memcpy(passphrase->text, data, length);
        passphrase->text[length] = '\0';
        passphrase->size = length;
    }
    explicit_bzero(data, size);
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
    struct hf_passphrase passphrase = {.size = 0};
    int result = arg ? hf_passphrase_read(arg, &passphrase, NULL) : prompt("Passphrase: ", false, &passphrase, NULL);
    int length = -1;
    if (result == 0 && passphrase.size > 0 && passphrase.size <= size) {
        memcpy(buffer, passphrase.text, passphrase.size);
        length = (int)passphrase.size;
    }
    hf_passphrase_wipe(&passphrase);
    return length;
}
