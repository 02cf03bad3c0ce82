/* SPDX-License-Identifier: Apache-2.0 */
#include "process/select.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "process/image.h"
#include "process/target.h"

#define HEADERS_MAX 128
#define NOTES_MAX   4096

void hf_pids_deinit(struct hf_pids *pids)
{
    free(pids->items);
    *pids = (struct hf_pids){0};
}

bool hf_pids_has(const struct hf_pids *pids, pid_t pid)
{
    for (size_t i = 0; i < pids->count; i++) {
        if (pids->items[i] == pid)
            return true;
    }
    return false;
}

int hf_pids_add(struct hf_pids *pids, pid_t pid, struct hotfix_error *err)
{
    pid_t *grown = reallocarray(pids->items, pids->count + 1, sizeof(*grown));

    if (!grown)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    pids->items = grown;
    grown[pids->count++] = pid;
    return 0;
}

/* The build-id among the notes; false without one. */
static bool find_note(const uint8_t *notes, size_t size, struct hf_build_id *id)
{
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof(note));
        size_t name = at + sizeof(note), bytes = name + ((note.n_namesz + 3) & ~3u);
        if (note.n_namesz > size || note.n_descsz > size || bytes + note.n_descsz > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
            memcmp(notes + name, "GNU", sizeof("GNU")) == 0 && note.n_descsz <= HF_BUILD_ID_MAX) {
            memcpy(id->bytes, notes + bytes, note.n_descsz);
            id->size = note.n_descsz;
            return true;
        }
        at = bytes + ((note.n_descsz + 3) & ~3u);
    }
    return false;
}

int hf_select_build(const char *path, struct hf_build_id *id, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS_MAX];

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be opened", path);
    if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phnum > HEADERS_MAX || header.e_phentsize != sizeof(segments[0]))
        return hf_error(err, HOTFIX_FORMAT, "%s: is not a 64-bit ELF file", path);
    ssize_t size = (ssize_t)(header.e_phnum * sizeof(segments[0]));
    if (pread(fd, segments, (size_t)size, (off_t)header.e_phoff) != size)
        return hf_error(err, HOTFIX_FORMAT, "%s: has no program headers", path);
    for (size_t i = 0; i < header.e_phnum; i++) {
        uint8_t notes[NOTES_MAX];
        if (segments[i].p_type != PT_NOTE)
            continue;
        size_t want = segments[i].p_filesz < sizeof(notes) ? segments[i].p_filesz : sizeof(notes);
        ssize_t got = pread(fd, notes, want, (off_t)segments[i].p_offset);
        if (got > 0 && find_note(notes, (size_t)got, id))
            return 0;
    }
    return hf_error(err, HOTFIX_FORMAT, "%s: has no build-id, by which its processes could be told", path);
}

static int compare(const void *a, const void *b)
{
    return *(const pid_t *)a < *(const pid_t *)b ? -1 : *(const pid_t *)a > *(const pid_t *)b;
}

int hf_select_runs(pid_t pid, const struct hf_sought *sought)
{
    struct hf_target target;
    struct hf_images images = {0};
    struct hotfix_error error;
    int found = 0;

    if (hf_target_open(pid, &target, &error) != 0)
        return error.code == HOTFIX_NO_TARGET ? 0 : -1;
    if (!sought)
        found = 1;
    else if (hf_images_read(&target, false, &images, NULL) != 0)
        found = -1;
    for (size_t i = 0; i < images.count; i++) {
        const struct hf_image *image = &images.items[i];
        if (image->build_id_size == sought->id.size && memcmp(image->build_id, sought->id.bytes, sought->id.size) == 0)
            found = 1;
        if (sought->name && hf_image_is_file(image, sought->name))
            found = 1;
    }
    hf_images_deinit(&images);
    hf_target_close(&target);
    return found;
}

int hf_select_running(const struct hf_sought *sought, struct hf_pids *pids, struct hf_pids *unseen,
                      struct hotfix_error *err)
{
    DIR *proc = opendir("/proc");
    size_t before = pids->count;
    int status = 0;

    if (!proc)
        return hf_error_sys(err, HOTFIX_IO, "/proc cannot be read");
    for (struct dirent *entry; status == 0 && (entry = readdir(proc));) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || pid == getpid() || hf_pids_has(pids, pid))
            continue;
        int found = hf_select_runs(pid, sought);
        if (found > 0)
            status = hf_pids_add(pids, pid, err);
        else if (found < 0)
            status = hf_pids_add(unseen, pid, err);
    }
    closedir(proc);
    if (pids->count > before)
        qsort(pids->items + before, pids->count - before, sizeof(*pids->items), compare);
    return status;
}
