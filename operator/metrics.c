/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

static int fail(int fd, const char *temporary, const char *path, struct hotfix_error *err)
{
    hf_error_sys(err, HOTFIX_IO, "metrics file %s cannot be written", path);
    if (fd >= 0)
        close(fd);
    unlink(temporary);
    return -1;
}

/* Names, versions and ids of bundles have no character that a label would have to escape. */
static void print(FILE *file, const struct hf_manifest *manifest, const struct hf_metric *metrics, size_t count)
{
    char id[2 * HF_ID_SIZE + 1];

    hf_hex_encode(manifest->id, HF_ID_SIZE, id);
    fprintf(file, "# HELP hotfix_processes Processes that run what a bundle is for, by their state.\n"
                  "# TYPE hotfix_processes gauge\n");
    for (size_t i = 0; i < count; i++)
        fprintf(file, "hotfix_processes{bundle=\"%s\",version=\"%s\",id=\"%s\",state=\"%s\"} %zu\n", manifest->name,
                manifest->version, id, metrics[i].state, metrics[i].processes);
    fprintf(file,
            "# HELP hotfix_status_timestamp_seconds When that was looked at.\n"
            "# TYPE hotfix_status_timestamp_seconds gauge\n"
            "hotfix_status_timestamp_seconds{bundle=\"%s\",version=\"%s\",id=\"%s\"} %lld\n",
            manifest->name, manifest->version, id, (long long)time(NULL));
}

int hf_metrics_write(const char *path, const struct hf_manifest *manifest, const struct hf_metric *metrics,
                     size_t count, struct hotfix_error *err)
{
    char temporary[PATH_MAX];

    /* Not ".prom" at its end: nobody collects half a file. */
    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
        return hf_error(err, HOTFIX_USAGE, "--metrics: the path is too long");
    int fd = mkstemp(temporary);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "metrics file %s cannot be made", temporary);
    FILE *file = fchmod(fd, 0644) == 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        return fail(fd, temporary, path, err);
    print(file, manifest, metrics, count);
    int bad = ferror(file);
    if (fclose(file) != 0 || bad || rename(temporary, path) != 0)
        return fail(-1, temporary, path, err);
    return 0;
}
