/* SPDX-License-Identifier: Apache-2.0 */
/* Can code of the one file run in a process of the other? gABI chapter 4, ELF header. */
#include <elf.h>

#include "check/check.h"

/* ELFOSABI_GNU says that a file uses a GNU symbol type or binding; such files mix with those that do not. */
static bool same_os_abi(uint8_t a, uint8_t b)
{
    bool a_linux = a == ELFOSABI_SYSV || a == ELFOSABI_GNU, b_linux = b == ELFOSABI_SYSV || b == ELFOSABI_GNU;
    return a == b || (a_linux && b_linux);
}

static int run_machine(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const GElf_Ehdr *target = &subject->target->image.header, *patch = &subject->patch->image.header;

    (void)err;
    if (target->e_machine != patch->e_machine)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "build the patch for the target's CPU",
                        "the target is for machine %u, the patch for machine %u", target->e_machine, patch->e_machine);
    else if (!subject->tools)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "machine %u is not supported", target->e_machine);
    if (target->e_ident[EI_CLASS] != patch->e_ident[EI_CLASS])
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the target's ELF class is %u, the patch's %u",
                        target->e_ident[EI_CLASS], patch->e_ident[EI_CLASS]);
    if (target->e_ident[EI_DATA] != patch->e_ident[EI_DATA])
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "target and patch differ in byte order");
    if (!same_os_abi(target->e_ident[EI_OSABI], patch->e_ident[EI_OSABI]))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the target's OS ABI is %u, the patch's %u",
                        target->e_ident[EI_OSABI], patch->e_ident[EI_OSABI]);
    if (target->e_flags != patch->e_flags)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the target's ABI flags are 0x%x, the patch's 0x%x",
                        target->e_flags, patch->e_flags);
    if (patch->e_type != ET_DYN)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it with -shared", "the patch is not a shared object");
    if (target->e_type != ET_DYN && target->e_type != ET_EXEC)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the target is neither a program nor a shared object");
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "both are %s", subject->tools->arch->name);
    return 0;
}

static int run_build_id(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_build_id *id = &subject->target->image.build_id;
    char text[2 * HF_BUILD_ID_MAX + 1];

    (void)err;
    if (id->size == 0) {
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it with -Wl,--build-id",
                        "the target has no build-id, by which a process is recognised");
        return 0;
    }
    hf_hex_encode(id->bytes, id->size, text);
    hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "the target is build %s", text);
    return 0;
}

const struct hf_check hf_check_machine = {"machine", "machine, ELF class and ABI flags", HF_ACCEPT_NEVER, run_machine};
const struct hf_check hf_check_build_id = {"build-id", "build-id of the target", HF_ACCEPT_NEVER, run_build_id};
