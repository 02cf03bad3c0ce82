/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/package.h"

#include <errno.h>
#include <limits.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/process.h"
#include "debian/apt.h"
#include "debian/ask.h"
#include "debian/cache.h"
#include "digest.h"
#include "elf/image.h"
#include "elf/texts.h"
#include "error.h"
#include "file.h"
#include "source/progress.h"
#include "source/standin.h"
#include "source/workspace.h"

#define RULES_MAX (4u << 20) /* bytes */
#define AT_NAME   "at"       /* file that remembers where the distribution had the tree */
#define AT_FIRST  "/build/"  /* where Debian's build machines have theirs */

/*
 * As a distribution's build machine does it, but for tests, and for taking symbols away. What the caller's environment
 * says of flags and times is not the package's.
 */
#define SETTINGS                                                                                                       \
    "unset SOURCE_DATE_EPOCH CFLAGS CXXFLAGS CPPFLAGS LDFLAGS FFLAGS FCFLAGS OBJCFLAGS ASFLAGS "                       \
    "DEB_BUILD_MAINT_OPTIONS "                                                                                         \
    "DEB_BUILD_PROFILES DEB_VENDOR; umask 022; export LC_ALL=C.UTF-8 "                                                 \
    "DEB_BUILD_OPTIONS='nostrip nocheck noautodbgsym parallel=%ld'; "
#define MAKE SETTINGS "exec dpkg-buildpackage -B -d --no-sign"
#define MAKE_ON                                                                                                        \
    SETTINGS "rm -f debian/debhelper-build-stamp debian/*.debhelper.log; "                                             \
             "PATH='%s':$PATH exec dpkg-buildpackage -d --rules-target=build-arch"

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

bool hf_package_given(const struct hf_package *package)
{
    return package->name || package->description;
}

static char *below(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int make_directory(const char *path, struct hotfix_error *err)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", path);
    return 0;
}

static int find_description(struct hf_package *package, struct hotfix_error *err)
{
    HF_FREE char *root = NULL;
    HF_FREE char *fetched = NULL;

    if (package->description)
        return hf_dsc_read(package->description, &package->dsc, err);
    if (hf_cache_root(&root, err) != 0 || hf_apt_fetch(package->name, root, &fetched, err) != 0)
        return -1;
    return hf_dsc_read(fetched, &package->dsc, err);
}

/* Into a directory that gets its name when it is whole. */
static int unpack(struct hf_package *package, struct hotfix_error *err)
{
    HF_FREE char *unpacking = below(package->entry, "unpacking");
    HF_FREE char *text = NULL;
    int status;

    if (!unpacking)
        return out_of_memory(err);
    if (access(package->tree, F_OK) == 0)
        return 0;
    const char *argv[] = {"dpkg-source", "--require-strong-checksums", "--no-copy", "-x", package->dsc.path, unpacking,
                          NULL};
    if (hf_workspace_clear(unpacking, err) != 0 || hf_ask(argv, package->entry, &text, &status, err) != 0)
        return -1;
    if (status != 0) {
        char *why = strstr(text, "dpkg-source: error: ");
        why = why ? why + strlen("dpkg-source: error: ") : text;
        return hf_error(err, HOTFIX_FORMAT, "%s: cannot be unpacked: %.*s", package->dsc.path, (int)strcspn(why, "\n"),
                        why);
    }
    if (rename(unpacking, package->tree) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", package->tree);
    return 0;
}

/* Takes a path that the sources can be seen at here; one of a build machine ends the search. */
static int consider(const char *path, void *arg)
{
    char **at = arg;
    HF_FREE char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));

    if (!parent || !hf_standin_has_room(parent))
        return 0;
    bool first = strncmp(path, AT_FIRST, strlen(AT_FIRST)) == 0;
    if (first || !*at) {
        free(*at);
        *at = strdup(path);
    }
    return first;
}

/* Where one of the targets says that it was built: flags and names of sources that were compiled in. */
static int ask_target(const char *target, const char *directory, char **at, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_texts_deinit))) struct hf_texts texts = {.count = 0};
    struct hf_image image;

    if (hf_image_open(target, &image, err) != 0)
        return -1;
    int failed = hf_texts_read(&image, &texts, err);
    if (!failed)
        hf_texts_each_path(&texts, directory, consider, at);
    hf_texts_deinit(&texts);
    hf_image_close(&image);
    return failed;
}

/* One output of a build says where that was, others not; the first build is kept for all of them. */
static int find_at(struct hf_package *package, struct hotfix_error *err)
{
    HF_FREE char *file = below(package->entry, AT_NAME);
    HF_FREE uint8_t *known = NULL;
    size_t size;

    if (!file)
        return out_of_memory(err);
    for (size_t i = 0; i < package->target_count && !package->at; i++)
        if (ask_target(package->targets[i], package->dsc.directory, &package->at, err) != 0)
            return -1;
    if (package->at)
        return hf_file_write(file, package->at, strlen(package->at), 0600, false, err);
    if (access(file, F_OK) != 0)
        return 0;
    if (hf_file_read(file, PATH_MAX, &known, &size, err) != 0)
        return -1;
    consider((char *)known, &package->at);
    return 0;
}

static int see_to_needs(struct hf_package *package, struct hotfix_error *err)
{
    HF_FREE char *missing = NULL;

    if (hf_apt_missing(package->tree, &missing, err) != 0)
        return -1;
    if (!missing[0])
        return 0;
    if (!package->install || geteuid() != 0)
        return hf_error(err, HOTFIX_IO,
                        "the build of %s %s needs what is not installed: %.200s; install it as root: apt-get build-dep "
                        "--arch-only %s%s",
                        package->dsc.name, package->dsc.version, missing, package->dsc.path,
                        package->install ? "" : " (or give --install-build-deps)");
    return hf_apt_install(package->dsc.path, err);
}

/* All that is installed, and where and by what command the build runs: the first build stands as long as these do. */
static int make_key(struct hf_package *package, struct hotfix_error *err)
{
    const char *argv[] = {"dpkg-query", "-W", "-f", "${Package}:${Architecture} ${Version}\n", NULL};
    HF_FREE char *text = NULL;
    HF_FREE char *all = NULL;
    const char *path = getenv("PATH");
    struct hf_digest digest;
    char hex[2 * HF_DIGEST_SIZE + 1];
    int status;

    if (hf_ask(argv, NULL, &text, &status, err) != 0)
        return -1;
    if (asprintf(&all, HOTFIX_VERSION "\n%s\n%s\n%s\n%s\n%s", path ? path : "", package->entry, package->make,
                 package->at ? package->at : "", text) < 0) {
        all = NULL;
        return out_of_memory(err);
    }
    if (hf_digest_compute(all, strlen(all), &digest, err) != 0)
        return -1;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), hex);
    package->key = strdup(hex);
    return package->key ? 0 : out_of_memory(err);
}

/* Steps of debhelper's build that were done, and that a changed source does not do again. */
static int make_steps(const char *steps, struct hotfix_error *err)
{
    static const char *const names[] = {"dh_autoreconf", "dh_auto_configure", "dh_update_autotools_config"};

    if (make_directory(steps, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        HF_FREE char *path = below(steps, names[i]);
        if (!path)
            return out_of_memory(err);
        if (symlink("/bin/true", path) != 0 && errno != EEXIST)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", path);
    }
    return 0;
}

/* Does debian/rules leave its build to debhelper's dh? Others have stamps that nobody else knows. */
static bool uses_dh(const struct hf_package *package)
{
    HF_FREE char *path = below(package->tree, "debian/rules");
    HF_FREE uint8_t *text = NULL;
    size_t size;
    regex_t pattern;

    if (!path || hf_file_read(path, RULES_MAX, &text, &size, NULL) != 0 ||
        regcomp(&pattern, "^\t@?dh +\\$(@|\\(@\\)|\\{@\\})", REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
        return false;
    bool found = regexec(&pattern, (char *)text, 0, NULL, 0) == 0;
    regfree(&pattern);
    return found;
}

static int make_command(struct hf_package *package, struct hotfix_error *err)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN), processors = online < 1 ? 1 : online;
    HF_FREE char *steps = below(package->entry, "steps");

    if (asprintf(&package->make, MAKE, processors) < 0)
        package->make = NULL;
    if (!package->make || !steps)
        return out_of_memory(err);
    /* The shell reads the directory's name in quotes. */
    if (!uses_dh(package) || strchr(steps, '\''))
        return 0;
    if (make_steps(steps, err) != 0)
        return -1;
    if (asprintf(&package->make_on, MAKE_ON, processors, steps) >= 0)
        return 0;
    package->make_on = NULL;
    return out_of_memory(err);
}

/* Its place in the cache, and what lies there. */
static int open_entry(struct hf_package *package, struct hotfix_error *err)
{
    if (hf_cache_open(package->dsc.id, &package->entry, &package->lock, err) != 0)
        return -1;
    HF_FREE char *place = below(package->entry, "build");
    package->kept = below(package->entry, "first");
    if (!place || !package->kept)
        return out_of_memory(err);
    package->tree = below(place, package->dsc.directory);
    if (!package->tree)
        return out_of_memory(err);
    return make_directory(place, err) != 0 || make_directory(package->kept, err) != 0 ? -1 : 0;
}

struct step {
    const char *doing;
    int (*step)(struct hf_package *package, struct hotfix_error *err);
};

static int run_steps(struct hf_package *package, const struct step *steps, size_t count, struct hotfix_error *err)
{
    struct hf_progress progress;
    int failed = 0;

    hf_progress_init(&progress);
    for (size_t i = 0; !failed && i < count; i++) {
        hf_progress_say(&progress, steps[i].doing);
        failed = steps[i].step(package, err);
    }
    hf_progress_end(&progress);
    return failed;
}

int hf_package_unpack(struct hf_package *package, struct hotfix_error *err)
{
    static const struct step steps[] = {{"finding the source package", find_description},
                                        {"waiting for another build of the package", open_entry},
                                        {"unpacking the source package", unpack}};

    package->lock = -1;
    return run_steps(package, steps, sizeof(steps) / sizeof(steps[0]), err);
}

int hf_package_prepare(struct hf_package *package, struct hotfix_error *err)
{
    static const struct step steps[] = {{"looking where it was built", find_at},
                                        {"looking for what its build needs", see_to_needs},
                                        {"finding its command", make_command},
                                        {"looking for an earlier build", make_key}};

    return run_steps(package, steps, sizeof(steps) / sizeof(steps[0]), err);
}

/* The link to it that says which build-id it is for. */
static int link_debug(const char *hex, const char *file, struct hotfix_error *err)
{
    HF_FREE char *root = NULL;
    HF_FREE char *path = NULL;

    if (hf_cache_root(&root, err) != 0)
        return -1;
    const char *const parts[] = {"/debug", "/.build-id", "/", ""};
    path = strdup(root);
    for (size_t i = 0; path && i < 3; i++) {
        HF_FREE char *longer = NULL;
        if (asprintf(&longer, "%s%s%.*s", path, parts[i], i == 2 ? 2 : 0, hex) < 0)
            longer = NULL;
        if (longer && make_directory(longer, err) != 0)
            return -1;
        free(path);
        path = hf_move(longer);
    }
    HF_FREE char *name = NULL;
    if (!path || asprintf(&name, "%s/%s.debug", path, hex + 2) < 0) {
        name = NULL;
        return out_of_memory(err);
    }
    if (unlink(name) != 0 && errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be removed", name);
    return symlink(file, name) == 0 ? 0 : hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", name);
}

int hf_package_publish(const struct hf_package *package, const char *target, const char *rebuilt,
                       struct hotfix_error *err)
{
    char hex[2 * HF_BUILD_ID_MAX + 1];
    HF_FREE char *file = NULL;
    struct hf_image image;

    if (hf_image_open(target, &image, err) != 0)
        return -1;
    hf_hex_encode(image.build_id.bytes, image.build_id.size, hex);
    hf_image_close(&image);
    if (asprintf(&file, "%s/%s.debug", package->kept, hex) < 0) {
        file = NULL;
        return out_of_memory(err);
    }
    const char *argv[] = {"cp", "--reflink=auto", "--", rebuilt, file, NULL};
    const struct hf_process process = {.argv = argv};
    return hf_process_run(&process, err) == 0 ? link_debug(hex, file, err) : -1;
}

void hf_package_deinit(struct hf_package *package)
{
    size_t removed;

    if (package->entry) {
        close(package->lock);
        hf_cache_shrink(&removed, NULL);
    }
    hf_dsc_deinit(&package->dsc);
    free(package->entry);
    free(package->tree);
    free(package->at);
    free(package->kept);
    free(package->key);
    free(package->make);
    free(package->make_on);
    *package = (struct hf_package){.lock = -1};
}
