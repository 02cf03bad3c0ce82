/* SPDX-License-Identifier: Apache-2.0 */
#include "source/progress.h"

#include <unistd.h>

void hf_progress_init(struct hf_progress *progress)
{
    *progress = (struct hf_progress){.terminal = isatty(STDERR_FILENO) ? stderr : NULL, .begin = time(NULL)};
}

void hf_progress_show(enum hf_tree_phase phase, size_t done, void *arg)
{
    static const char *const doing[] = {
        [HF_TREE_COPY] = "copying the tree",          [HF_TREE_BUILD] = "building without the patch",
        [HF_TREE_PATCH] = "applying the patch",       [HF_TREE_REBUILD] = "building with the patch",
        [HF_TREE_COMPILE] = "compiling what changed",
    };
    char line[128];

    if (done)
        snprintf(line, sizeof(line), "%s: %zu compiled", doing[phase], done);
    else
        snprintf(line, sizeof(line), "%s", doing[phase]);
    hf_progress_say(arg, line);
}

void hf_progress_say(struct hf_progress *progress, const char *doing)
{
    char line[160];

    if (!progress->terminal)
        return;
    int length = snprintf(line, sizeof(line), "%s, %ld s", doing, (long)(time(NULL) - progress->begin));
    fprintf(progress->terminal, "\r%-*s", (int)progress->width, line);
    fflush(progress->terminal);
    progress->width = (size_t)length;
}

void hf_progress_end(struct hf_progress *progress)
{
    if (!progress->terminal || progress->width == 0)
        return;
    fprintf(progress->terminal, "\r%*s\r", (int)progress->width, "");
    fflush(progress->terminal);
    progress->width = 0;
}
