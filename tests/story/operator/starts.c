/* SPDX-License-Identifier: Apache-2.0 */
/*
 * starts WHAT FILE: writes to a file what fee() is, how many threads and descriptors there are, and whether the library
 * is loaded; and then ends as told: `well`, by `abort` where it is fixed, as a daemon whose first parent waits for it
 * and that does the same (`daemon-well`, `daemon-abort`) or whose first parent ends before it (`left-abort`), by `exec`
 * of itself, as `well`, by `become`, an exec of another program, or behind a `helper` that it started.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int fee(int value);

static int (*volatile called)(int value) = fee;
static int early; /* what fee() is in a constructor of the program */

__attribute__((constructor)) static void begin(void)
{
    early = called(3);
}

static int count(const char *path)
{
    DIR *directory = opendir(path);
    int entries = 0;

    for (struct dirent *entry; directory && (entry = readdir(directory));)
        entries += entry->d_name[0] != '.';
    if (directory)
        closedir(directory);
    return entries;
}

static int is_library(struct dl_phdr_info *info, size_t size, void *loaded)
{
    (void)size;
    if (strstr(info->dlpi_name, "libhotfix-inside"))
        *(int *)loaded = 1;
    return 0;
}

/* As the child of one that waits for it, or behind one that has ended. */
static void leave_parent(const char *what)
{
    pid_t parent = getpid(), child = fork();

    if (child > 0 && strcmp(what, "left-abort") == 0)
        exit(0);
    if (child > 0) {
        waitpid(child, NULL, 0);
        _exit(0);
    }
    while (child == 0 && strcmp(what, "left-abort") == 0 && getppid() == parent)
        usleep(1000);
}

static int start_helper(void)
{
    pid_t child = fork();

    if (child == 0)
        return execl("/bin/true", "true", (char *)NULL);
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}

static void tell(const char *path)
{
    int loaded = 0;

    dl_iterate_phdr(is_library, &loaded);
    int descriptors = count("/proc/self/fd") - 1, threads = count("/proc/self/task");
    FILE *out = fopen(path, "w");
    if (!out)
        return;
    fprintf(out, "fee %d %d, %d descriptors, %d threads%s\n", early, called(3), descriptors, threads,
            loaded ? ", library" : "");
    fclose(out);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "well";

    if (strncmp(what, "daemon", 6) == 0 || strncmp(what, "left", 4) == 0)
        leave_parent(what);
    if (argc > 2)
        tell(argv[2]);
    if (strcmp(what, "exec") == 0)
        return execl(argv[0], argv[0], "well", argv[2], (char *)NULL);
    if (strcmp(what, "become") == 0)
        return execl("/bin/true", "true", (char *)NULL);
    if (strcmp(what, "helper") == 0)
        return start_helper();
    if (strstr(what, "abort") && called(3) != 8)
        abort();
    return 0;
}
