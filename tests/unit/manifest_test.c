/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"

#include "cleanup.h"
#include "inifile.h"
#include "manifest_fixture.h"

/* Of 32 bytes. */
#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *base; /* the fixture's manifest as text */
static size_t base_size;
static struct hf_manifest parsed;

static int make_base(void **state)
{
    struct hf_manifest manifest;

    (void)state;
    fixture_manifest(&manifest);
    int status = hf_manifest_format(&manifest, &base, &base_size, NULL);
    hf_manifest_deinit(&manifest);
    return status;
}

static int drop_base(void **state)
{
    (void)state;
    free(base);
    return 0;
}

/* The base with the first occurrence of a text replaced. */
static char *replaced(const char *from, const char *to)
{
    const char *at = strstr(base, from);
    char *text = malloc(base_size + strlen(to) + 1);

    if (!at)
        fail_msg("the fixture's manifest does not hold \"%s\"", from);
    memcpy(text, base, (size_t)(at - base));
    strcpy(text + (at - base), to);
    strcat(text, at + strlen(from));
    return text;
}

static void refuse_text(const char *text, size_t size, const char *message)
{
    memset(&parsed, 0x5a, sizeof(parsed));
    struct hf_manifest untouched = parsed;
    char *exact = malloc(size + !size);

    memcpy(exact, text, size);
    assert_refused(hf_manifest_parse(exact, size, &parsed, ERR), HOTFIX_FORMAT, message);
    assert_memory_equal(ERR->message, "manifest.ini", 12);
    assert_memory_equal(&parsed, &untouched, sizeof(parsed));
    free(exact);
}

static void refuse(const char *from, const char *to, const char *message)
{
    char *text = replaced(from, to);

    refuse_text(text, strlen(text), message);
    free(text);
}

static void unknown_keys_and_sections_are_named_with_their_line(void **state)
{
    (void)state;
    refuse("version = ", "foo = 1\nversion = ", "line 6: unknown key 'foo' in section [bundle]");
    refuse("format = 1\n", "format = 1\nx = 1\n", "line 3: unknown key 'x' in section [hotfix]");
    refuse("detour-skip = 4\n", "detour-skip = 4\nlast = 1\n", "unknown key 'last' in section [function.1]");
    refuse("[target]", "[goal]", "line 14: section [goal] where [target] must be");
    refuse("\n[check.1]", "\n[extra]\na = b\n\n[check.1]", "line 32: section [extra] is unknown, repeated or out");
    refuse("[function.2]", "[function.3]", "section [function.3] is unknown, repeated or out of order");
    refuse("[function.2]", "[function.02]", "section [function.02] is unknown");
    refuse("[check.1]", "[check.0]", "section [check.0] is unknown");
    refuse("[waiver.1]", "[waiver.2]", "section [waiver.2] is unknown, repeated or out of order");
    refuse("[check.2]", "[check.1]", "section [check.1] is unknown, repeated or out of order");
}

static void missing_keys_and_sections_are_named(void **state)
{
    static const struct {
        const char *line;
        const char *message;
    } keys[] = {
        {"name = webapp-discount", "line 4: section [bundle] lacks the key name"},
        {"version = 1.2.3-1", "line 4: section [bundle] lacks the key version"},
        {"id = ", "line 4: section [bundle] lacks the key id"},
        {"created = ", "line 4: section [bundle] lacks the key created"},
        {"name = webapp\n", "section [target] lacks the key name"},
        {"build-id = ", "section [target] lacks the key build-id"},
        {"arch = ", "section [target] lacks the key arch"},
        {"producer = ", "section [compiler] lacks the key producer"},
        {"size = 700", "section [payload] lacks the key size"},
        {"sha256 = ", "section [payload] lacks the key sha256"},
        {"soname = ", "section [payload] lacks the key soname"},
        {"id = compiler", "section [check.1] lacks the key id"},
        {"verdict = ", "section [check.1] lacks the key verdict"},
        {"evidence = ", "section [check.1] lacks the key evidence"},
        {"check = flags", "section [waiver.1] lacks the key check"},
        {"reason = ", "section [waiver.1] lacks the key reason"},
        {"name = calc_discount", "section [function.1] lacks the key name"},
        {"offset = 0x1200", "section [function.1] lacks the key offset"},
        {"size = 64", "section [function.1] lacks the key size"},
        {"sha256 = abab", "section [function.1] lacks the key sha256"},
        {"replacement = ", "section [function.1] lacks the key replacement"},
        {"replacement-size = ", "section [function.1] lacks the key replacement-size"},
        {"detour-skip = ", "section [function.1] lacks the key detour-skip"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *at = strstr(base, keys[i].line);
        assert_non_null(at);
        char *line = strndup(at, strcspn(at, "\n") + 1);
        refuse(line, "", keys[i].message);
        free(line);
    }
    refuse("[hotfix]\nformat = 1\n\n", "", "line 1: section [bundle] where [hotfix] must be");
    refuse("format = 1\n", "", "line 2: a blank line where none belongs");
    refuse_text(base, (size_t)(strstr(base, "\n[payload]") - base), "section [payload] is missing");
    refuse_text(base, (size_t)(strstr(base, "\n[check.1]") - base), "names no function");
    refuse_text(base, (size_t)(strstr(base, "\n[function.1]") - base), "names no function");
}

static void repeated_and_misplaced_keys_are_named_with_their_line(void **state)
{
    (void)state;
    refuse("version = 1.2.3-1\n", "version = 1.2.3-1\nversion = 1.2.3-1\n", "line 7: repeated key version");
    refuse("version = 1.2.3-1\n", "version = 1.2.3-1\nname = other\n", "line 7: repeated key name");
    refuse("name = webapp-discount\nversion = 1.2.3-1\n", "version = 1.2.3-1\nname = webapp-discount\n",
           "line 6: key name of section [bundle] is out of order");
    refuse("expires = 2023-11-14T22:30:00Z\nadvisory = CVE-2026-0001 CVE-2026-0002\n",
           "advisory = CVE-2026-0001 CVE-2026-0002\nexpires = 2023-11-14T22:30:00Z\n",
           "line 10: key expires of section [bundle] is out of order");
    refuse("\n[target]", "\n[bundle]\nname = a\n\n[target]", "section [bundle] where [target] must be");
}

static void values_out_of_range_are_named_with_their_line(void **state)
{
    static const char *const sizes[] = {
        "0", "-1", "+1", "007", " 7", "7 ", "0x7", "7k", "1e3", "9223372036854775808", "18446744073709551616"};
    static const char *const offsets[] = {
        "0x0", "0", "4608", "1200", "0X1200", "0x01200", "0xAB", "-0x12", "0x12g", "0x", "0x8000000000000000"};
    char value[64];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(value, sizeof(value), "size = %s\n", sizes[i]);
        refuse("size = 64\n", value, " line ");
    }
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        snprintf(value, sizeof(value), "offset = %s\n", offsets[i]);
        refuse("offset = 0x1200\n", value, ": offset is not a positive number");
    }
    refuse("format = 1", "format = 2", "line 2: format 2 is not known, only format 1");
    refuse("format = 1", "format = one", "line 2: format is not a decimal number");
    refuse("name = webapp-discount", "name = ../webapp", "line 5: name is not 1 to 64 letters");
    refuse("version = 1.2.3-1", "version = -1", "line 6: version is not 1 to 64 letters");
    refuse("\nid = ", "\nid = 00", "line 7: id is not 32 lower-case hexadecimal digits");
    refuse("created = 2023", "created = 2023-11-14 2023", "line 8: created is not a time");
    refuse("created = 2023-11-14", "created = 2023-02-30", "line 8: created is not a time");
    refuse("created = 2023", "created = 2300", "section [bundle]: created is later than");
    refuse("expires = 2023-11-14T22:30:00Z", "expires = never", "line 9: expires is not a time");
    refuse("supersedes = 00", "supersedes = 0", "line 12: supersedes is not a list of bundle ids");
    refuse("supersedes = 00", "supersedes = 0G", "line 12: supersedes is not a list of bundle ids");
    refuse("00 1111", "00, 111", "line 12: supersedes is not a list of bundle ids");
    refuse("\nadvisory = ", "\nsequence = 0\nadvisory = ", "line 10: sequence is not a positive decimal number");
    refuse("\nadvisory = ", "\nsequence = 07\nadvisory = ", "line 10: sequence is not a positive decimal number");
    refuse("\nadvisory = ", "\nsequence = 9223372036854775808\nadvisory = ", "line 10: sequence is not a positive");
    refuse("\n\n[target]", "\nbuilt-on = 0\n\n[target]", "line 13: built-on is not a list of bundle ids");
    refuse("\n\n[target]", "\nquiescent = no\n\n[target]", "line 13: quiescent is not yes, or absent");
    refuse("name = webapp\n", "name = bin/webapp\n", "section [target]: name is not a file name");
    refuse("name = webapp\n", "name = ..\n", "section [target]: name is not a file name");
    refuse("name = webapp\n", "name = .\n", "section [target]: name is not a file name");
    refuse("build-id = 5a5a", "build-id = 5a5", "line 16: build-id is not a build-id");
    refuse("build-id = 5a5a", "build-id = 5A5A", "line 16: build-id is not a build-id");
    refuse("build-id = 5a5a", "build-id = " DIGITS "\n\t" DIGITS "5a5a", "line 16: build-id is not a build-id");
    refuse("arch = x86_64", "arch = x86-64", "section [target]: arch is not");
    refuse("size = 700", "size = 201326593", "section [payload]: size is more than a bundle carries");
    refuse("sha256 = ", "sha256 = 0", "line 25: sha256 is not 64 lower-case hexadecimal digits");
    refuse("soname = libhotfix", "soname = libc", "soname is not the one that belongs to the bundle's id");
    refuse("fixups-offset = 0x40\n", "", "section [payload]: fixups-offset and fixups-size go together");
    refuse("fixups-size = 48\n", "", "section [payload]: fixups-offset and fixups-size go together");
    refuse("fixups-size = 48\n", "fixups-size = 637\n", "section [payload]: the fix-up table lies outside");
    refuse("fixups-size = 48\n", "fixups-size = 9223372036854775807\n", "the fix-up table lies outside");
    refuse("verdict = compatible", "verdict = maybe", "verdict is not compatible, incompatible or unproven");
    refuse("detour-skip = 4", "detour-skip = 65", "detour-skip is not a decimal number from 0 to 64");
    refuse("check = flags", "check = inline", "section [waiver.1]: check is not the id of a check");
    refuse("expires = 2023-12-31T23:59:59Z", "expires = 2023-12-31", "expires is not a time");
    refuse("detour-skip = 4", "detour-skip = 64", "section [function.1]: detour-skip leaves nothing");
    refuse("size = 64", "size = 65", "section [function.2]: the function overlaps or precedes");
    refuse("offset = 0x1200", "offset = 0x1280", "section [function.2]: the function overlaps or precedes");
    refuse("size = 64", "size = 9223372036854775807", "section [function.1]: a function ends beyond every address");
    refuse("replacement-size = 80", "replacement-size = 9223372036854775807", "a function ends beyond every address");
}

static void what_a_host_is_comes_whole(void **state)
{
    (void)state;
    refuse("arch = x86_64\n", "arch = x86_64\nhost-name = httpd\n", "host-build-id and host-symbols go together");
    refuse("arch = x86_64\n", "arch = x86_64\nhost-build-id = 5a\n", "host-build-id and host-symbols go together");
    refuse("arch = x86_64\n", "arch = x86_64\nhost-name = httpd\nhost-build-id = 5a\n", "go together");
    refuse("arch = x86_64\n", "arch = x86_64\nhost-name = httpd\nhost-symbols = limit\n", "go together");
    refuse("arch = x86_64\n", "arch = x86_64\nhost-name = a/b\nhost-build-id = 5a\nhost-symbols = limit\n",
           "host-name is not a file name");
    refuse("arch = x86_64\n", "arch = x86_64\nhost-name = httpd\nhost-build-id = 5A\nhost-symbols = limit\n",
           "host-build-id is not a build-id");
    static const char *const lists[] = {"b a", "a a", "a  b", "ab a"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char keys[128];
        snprintf(keys, sizeof(keys), "arch = x86_64\nhost-name = httpd\nhost-build-id = 5a\nhost-symbols = %s\n",
                 lists[i]);
        refuse("arch = x86_64\n", keys, "host-symbols is no ordered list of names");
    }
}

/* A manifest whose first function has this list of cold parts. */
static char *with_cold(const char *list)
{
    HF_FREE char *lines = NULL;

    assert_true(asprintf(&lines, "detour-skip = 4\ncold = %s\n", list) > 0);
    return replaced("detour-skip = 4\n", lines);
}

static void refuse_cold(const char *list, const char *message)
{
    HF_FREE char *text = with_cold(list);

    refuse_text(text, strlen(text), message);
}

static void lists_of_ranges_that_are_none_are_refused(void **state)
{
    static const char no_list[] = "cold is not a list of ranges";

    (void)state;
    refuse_cold("0x1300", no_list);
    refuse_cold("0x1300+", no_list);
    refuse_cold("0x1300+0", no_list);
    refuse_cold("0x1300-16", no_list);
    refuse_cold("0x1300+16,0x1400+16", no_list);
    refuse_cold("0x1400+16 0x1300+16", no_list);
    refuse_cold("0x1300+17 0x1310+16", no_list);
    refuse_cold("0x7fffffffffffffff+1", no_list);
    refuse_cold("0x1300+9223372036854775808", no_list);
    refuse_cold("0x11111111111111111+1", no_list);
    refuse_cold("-0x1300+16", no_list);
    refuse_cold("0x1300+16  0x1400+16", "not written in the one way");
    refuse_cold("0x1300+016", "not written in the one way");
    refuse_cold("1300+16", "not written in the one way");
    refuse_cold("0x1300++16", "not written in the one way");
    refuse_cold("0x13AB+16", "not written in the one way");
}

static void text_that_ini_parsers_read_in_different_ways_is_refused(void **state)
{
    (void)state;
    refuse_text("", 0, "manifest.ini: is empty");
    refuse_text(base, base_size - 1, "does not end with a newline");
    refuse("[hotfix]", "\xef\xbb\xbf[hotfix]", "line 1: ");
    refuse("[hotfix]", "\n[hotfix]", "line 1: a blank line where none belongs");
    refuse("[hotfix]", "; a comment\n[hotfix]", "line 1: ");
    refuse("[hotfix]", "# a comment\n[hotfix]", "line 1: ");
    refuse("[hotfix]\n", "", "line 1: a key outside a section");
    refuse("format = 1", "format=1", "line 2: not a line 'key = value', which has one blank on either side of the =");
    refuse("format = 1", "format\t=\t1", "line 2: not a line 'key = value', which has one blank on either side");
    refuse("format = 1", "format  = 1", "line 2: not a line 'key = value', which has one blank on either side");
    refuse("format = 1", "format: 1", "line 2: not a line 'key = value'");
    refuse("format = 1", "format =  1", "line 2: a value begins or ends with a blank");
    refuse("format = 1", "format = 1 ", "line 2: a value begins or ends with a blank");
    refuse("format = 1", "format = ", "line 2: a value is missing");
    refuse("format = 1", " format = 1", "line 2: ");
    refuse("format = 1", "Format = 1", "line 2: not a line 'key = value'");
    refuse("format = 1", "format = 1 ; one", "line 2: a value holds ; or #, which must stand as %3B and %23");
    refuse("format = 1", "format = 1 # one", "there are no comments");
    refuse("format = 1\n", "; one\nformat = 1\n", "line 2: a comment, which this format does not have; take it out");
    refuse("format = 1\n", "format = 1\n  # one\n", "line 3: a comment, which");
    refuse("format = 1\n", "format = 1\n  \n", "line 3: holds nothing but blanks");
    refuse("format = 1", " format = 1", "line 2: begins with a blank");
    refuse("format = 1", "format = 1\r", "line 2: ends with CR and LF, as lines of Windows do; convert them to LF");
    refuse("format = 1", "format = \"1\"", "line 2: format is not a decimal number");
    refuse("format = 1", "format = 1\n", "line 4: a blank line where none belongs");
    refuse("\n[bundle]", "[bundle]", "line 3: a section does not follow a blank line");
    refuse("[bundle]", "[bundle] ", "line 4: not a section header");
    refuse("[bundle]", "[bundle", "line 4: not a section header");
    refuse("[bundle]", "[]", "line 4: not a section header");
    refuse("[bundle]", "[bundle]x]", "line 4: not a section header");
    refuse("[bundle]", "[\tbundle]", "line 4: not a section header");
    refuse("\n[bundle]\n", "\n\tx\n[bundle]\n", "line 4: a continuation of no value");
    refuse("[bundle]\n", "[bundle]\n\tx\n", "line 5: a continuation of no value");
    refuse("format = 1\n", "format = \n\t1\n", "line 2: a value is missing");
    refuse("format = 1\n", "format = 1\n\t\n", "line 3: a value is missing");
    refuse("format = 1\n", "format = 1\n\t \n", "line 3: a value begins or ends with a blank");
    refuse("calc_discount", "calc%2_discount", "a % is not followed by two digits");
    refuse("calc_discount", "calc%2g_discount", "a % is not followed by two digits");
    refuse("calc_discount", "calc_%", "a % is not followed by two digits");
    refuse("calc_discount", "calc%00_discount", "a % is not followed by two digits 0-9A-F, or by 00");
    refuse("calc_discount", "calc\x01_discount", "a value holds a character that must stand as %XX");
    refuse("calc_discount", "calc\x7f_discount", "a value holds a character that must stand as %XX");
    refuse("calc_discount", "caf\xc3\xa9", "a value holds a character that must stand as %XX");
    base[base_size - 3] = '\0';
    refuse_text(base, base_size, " line ");
    base[base_size - 3] = ' ';
}

static void long_lines_and_names_are_refused_before_a_parser_cuts_them(void **state)
{
    char text[400];

    (void)state;
    snprintf(text, sizeof(text), "calc_%0180d", 1);
    refuse("calc_discount", text, "longer than 180 bytes");
    snprintf(text, sizeof(text), "[%050d]", 1);
    refuse("[hotfix]", text, "line 1: not a section header");
    snprintf(text, sizeof(text), "%050d = 1\nversion", 1);
    refuse("version", text, "line 6: not a line 'key = value'");
}

static void values_that_are_not_plain_text_are_refused(void **state)
{
    static const char *const bad[] = {
        "%0A",          /* newline */
        "%1B[31m",      /* terminal escape */
        "%7F",          /* delete */
        "%C2%9B",       /* C1 control */
        "%FF",          /* never in UTF-8 */
        "%C3",          /* cut off */
        "%80",          /* no beginning */
        "%C0%AF",       /* overlong */
        "%E0%80%AF",    /* overlong */
        "%ED%A0%80",    /* surrogate */
        "%F4%90%80%80", /* beyond Unicode */
        "%F8%88%80%80%80",
    };
    char value[64];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(value, sizeof(value), "producer = a%s\n", bad[i]);
        refuse("producer = GNU C17 12.2.0\n", value, "line 20: value of producer is not UTF-8 text");
    }
}

static void another_spelling_of_the_same_manifest_is_refused(void **state)
{
    (void)state;
    refuse("calc_discount", "calc%5Fdiscount", "not written in the one way that bundles use");
    refuse("calc_discount", "calc\n\t_discount", "line 50: not written in the one way");
    refuse("GNU C17", "GNU%20C17", "line 20: not written in the one way");
}

static void a_manifest_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < base_size; cut++)
        if (cut != (size_t)(strstr(base, "\n[function.2]") - base))
            refuse_text(base, cut, "manifest.ini");
}

static void more_than_the_limits_is_refused(void **state)
{
    char *value = malloc(HF_MANIFEST_MAX_VALUE + 2), *text = NULL;
    size_t size = 0;

    (void)state;
    memset(value, 'x', HF_MANIFEST_MAX_VALUE + 1);
    value[HF_MANIFEST_MAX_VALUE + 1] = '\0';
    assert_done(hf_inifile_append(&text, &size, "producer", value, ERR));
    refuse("producer = GNU C17 12.2.0\n", text, "value too long for key producer");
    free(text);
    free(value);
    text = calloc(1, HF_MANIFEST_MAX_SIZE + 1);
    refuse_text(text, HF_MANIFEST_MAX_SIZE + 1, "manifest.ini: larger than");
    free(text);
    for (size_t count = 30; count <= 40; count += 10) {
        text = NULL;
        size = 0;
        assert_done(hf_inifile_append_section(&text, &size, "hotfix", ERR));
        for (size_t i = 0; i < count; i++) {
            char key[16];
            snprintf(key, sizeof(key), "k%zu", i);
            assert_done(hf_inifile_append(&text, &size, key, "1", ERR));
        }
        refuse_text(text, size, count < 32 ? "line 2: unknown key 'k0'" : "too many keys");
        free(text);
    }
}

/* Fails to format a manifest whose fields a change has made unreadable. */
#define refuse_format(change, message)                                                                                 \
    do {                                                                                                               \
        struct hf_manifest manifest;                                                                                   \
        char *text_ = NULL;                                                                                            \
        size_t size_;                                                                                                  \
        fixture_manifest(&manifest);                                                                                   \
        change;                                                                                                        \
        assert_refused(hf_manifest_format(&manifest, &text_, &size_, ERR), HOTFIX_INTERNAL, message);                  \
        assert_null(text_);                                                                                            \
        hf_manifest_deinit(&manifest);                                                                                 \
    } while (0)

static void fill_ranges(struct hf_code_ranges *ranges, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(hf_code_ranges_add(ranges, 0x2000 + i, 1), 0);
}

static void what_parsing_would_refuse_is_not_written(void **state)
{
    (void)state;
    refuse_format(manifest.name[0] = '-', "name is not");
    refuse_format(manifest.name[0] = '\0', "name of section [bundle] has no value");
    refuse_format(manifest.created = -1, "created is not a time");
    refuse_format(manifest.created = INT64_C(1) << 33, "created is later");
    refuse_format(manifest.target_build_id.size = HF_BUILD_ID_MAX + 1, "build-id of section [target] has no value");
    refuse_format(manifest.target_build_id.size = 0, "build-id of section [target] has no value");
    refuse_format(manifest.description[0] = '\n', "not UTF-8 text");
    refuse_format(manifest.description[0] = '\xff', "not UTF-8 text");
    refuse_format(manifest.soname[3] = '-', "soname");
    refuse_format(manifest.id[0] ^= 1, "soname");
    refuse_format(manifest.fixups_size = 0, "go together");
    refuse_format(manifest.checks[0].verdict = 7, "verdict is not");
    refuse_format(manifest.checks[0].evidence[0] = '\0', "evidence of section [check.1] has no value");
    refuse_format(manifest.functions[0].size = 0, "size of section [function.1] has no value");
    refuse_format(manifest.functions[1].offset = 0x1210, "overlaps or precedes");
    refuse_format(manifest.functions[0].detour_skip = 65, "detour-skip");
    refuse_format(manifest.functions[0].name[0] = '\0', "name of section [function.1] has no value");
    refuse_format(fill_ranges(&manifest.functions[0].cold, HF_CODE_RANGES_MAX + 1), "cold is not a list of ranges");
}

static void assert_round_trip(const struct hf_manifest *manifest)
{
    char *text, *again;
    size_t size, again_size;

    assert_done(hf_manifest_format(manifest, &text, &size, ERR));
    assert_int_equal(strlen(text), size);
    assert_done(hf_manifest_parse(text, size, &parsed, ERR));
    assert_done(hf_manifest_format(&parsed, &again, &again_size, ERR));
    assert_int_equal(size, again_size);
    assert_memory_equal(text, again, size);
    free(text);
    free(again);
}

/* A manifest with two callers and two assumptions, as text. */
static char *encounters(size_t *size)
{
    struct hf_manifest m;
    char *text;

    fixture_manifest(&m);
    m.callers = calloc(2, sizeof(*m.callers));
    m.assumptions = calloc(2, sizeof(*m.assumptions));
    assert_non_null(m.callers);
    assert_non_null(m.assumptions);
    m.caller_count = m.assumption_count = 2;
    m.callers[0].name = strdup("serve");
    m.callers[1].name = strdup("worker");
    assert_done(hf_code_ranges_add(&m.callers[0].code, 0x1300, 16));
    assert_done(hf_code_ranges_add(&m.callers[0].replacement_code, 0x2000, 31));
    assert_done(hf_code_ranges_add(&m.callers[1].code, 0x1400, 8));
    m.assumptions[0] = (struct hf_manifest_assumption){strdup("rate"), 0x1500, 12};
    m.assumptions[1] = (struct hf_manifest_assumption){strdup("weigh"), 0x1600, 5};
    assert_done(hf_manifest_format(&m, &text, size, ERR));
    hf_manifest_deinit(&m);
    return text;
}

static void refuse_encounter(const char *from, const char *to, const char *message)
{
    size_t size;
    char *text = encounters(&size), *changed = NULL;
    const char *at = strstr(text, from);

    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    refuse_text(changed, strlen(changed), message);
    free(changed);
    free(text);
}

static void callers_and_assumptions_read_as_they_were_written(void **state)
{
    size_t size;
    char *text = encounters(&size);

    (void)state;
    assert_done(hf_manifest_parse(text, size, &parsed, ERR));
    free(text);
    assert_int_equal(parsed.caller_count, 2);
    assert_string_equal(parsed.callers[0].name, "serve");
    assert_int_equal(parsed.callers[0].code.items[0].offset, 0x1300);
    assert_int_equal(parsed.callers[0].replacement_code.items[0].size, 31);
    assert_int_equal(parsed.callers[1].replacement_code.count, 0);
    assert_int_equal(parsed.assumption_count, 2);
    assert_string_equal(parsed.assumptions[1].name, "weigh");
    assert_int_equal(parsed.assumptions[1].offset, 0x1600);
    assert_int_equal(parsed.assumptions[1].size, 5);
    hf_manifest_deinit(&parsed);

    refuse_encounter("0x1600", "0x1500", "the function does not follow the one of the section before");
    refuse_encounter("code = 0x1400+8", "code = 0x1400-8", "code is not a list of ranges");
    refuse_encounter("[caller.2]", "[caller.3]", "section [caller.3] is unknown, repeated or out of order");
    refuse_encounter("size = 5", "size = 0", "size is not a positive decimal number");
    refuse_encounter("size = 5", "size = 9223372036854775807", "a function ends beyond every address");
    refuse_encounter("code = 0x1400+8\n", "", "it has neither code nor replacement-code");
}

static void every_field_reads_as_it_was_written(void **state)
{
    struct hf_manifest m;

    (void)state;
    fixture_manifest(&m);
    assert_done(hf_code_ranges_add(&m.functions[0].cold, 0x1300, 16));
    assert_done(hf_code_ranges_add(&m.functions[0].cold, 0x1310, 1));
    assert_done(hf_code_ranges_add(&m.functions[0].replacement_cold, 0x3000, 31));
    m.quiescent = true;
    m.sequence = INT64_MAX;
    m.built_on = (struct hf_id_list){calloc(1, HF_ID_SIZE), 1};
    assert_non_null(m.built_on.items);
    m.built_on.items[0][0] = 0x22;
    assert_round_trip(&m);
    assert_string_equal(parsed.name, m.name);
    assert_true(parsed.quiescent);
    assert_int_equal(parsed.sequence, INT64_MAX);
    assert_string_equal(parsed.version, m.version);
    assert_memory_equal(parsed.id, m.id, HF_ID_SIZE);
    assert_true(parsed.created == m.created && parsed.expires == m.expires);
    assert_string_equal(parsed.advisory, m.advisory);
    assert_string_equal(parsed.description, m.description);
    assert_int_equal(parsed.supersedes.count, 2);
    assert_memory_equal(parsed.supersedes.items, m.supersedes.items, 2 * HF_ID_SIZE);
    assert_int_equal(parsed.built_on.count, 1);
    assert_memory_equal(parsed.built_on.items, m.built_on.items, HF_ID_SIZE);
    assert_string_equal(parsed.target_name, m.target_name);
    assert_int_equal(parsed.target_build_id.size, 20);
    assert_memory_equal(parsed.target_build_id.bytes, m.target_build_id.bytes, 20);
    assert_string_equal(parsed.arch, m.arch);
    assert_string_equal(parsed.compiler, m.compiler);
    assert_string_equal(parsed.flags, m.flags);
    assert_true(parsed.payload_size == m.payload_size);
    assert_true(hf_digest_equal(&parsed.payload_digest, &m.payload_digest));
    assert_string_equal(parsed.soname, m.soname);
    assert_true(parsed.fixups_offset == m.fixups_offset && parsed.fixups_size == m.fixups_size);
    assert_true(parsed.on_apply == m.on_apply && parsed.on_revert == m.on_revert);
    assert_int_equal(parsed.check_count, 2);
    assert_string_equal(parsed.checks[1].id, "flags");
    assert_int_equal(parsed.checks[1].verdict, HF_UNPROVEN);
    assert_string_equal(parsed.checks[1].evidence, m.checks[1].evidence);
    assert_string_equal(parsed.checks[1].waiver, m.checks[1].waiver);
    assert_string_equal(parsed.checks[0].waiver, "");
    assert_int_equal(parsed.waiver_count, 1);
    assert_string_equal(parsed.waivers[0].check, "flags");
    assert_string_equal(parsed.waivers[0].scope, "calc_*");
    assert_string_equal(parsed.waivers[0].reason, m.waivers[0].reason);
    assert_true(parsed.waivers[0].expires == m.waivers[0].expires);
    assert_int_equal(parsed.function_count, 2);
    assert_string_equal(parsed.functions[1].name, "calc_total");
    assert_string_equal(parsed.functions[1].source, "src/price.c");
    assert_true(parsed.functions[1].offset == 0x1240 && parsed.functions[1].size == 64);
    assert_true(hf_digest_equal(&parsed.functions[1].digest, &m.functions[1].digest));
    assert_true(parsed.functions[1].replacement == 0x2380 && parsed.functions[1].replacement_size == 80);
    assert_int_equal(parsed.functions[1].detour_skip, 4);
    assert_int_equal(parsed.functions[0].cold.count, 2);
    assert_true(parsed.functions[0].cold.items[1].offset == 0x1310 && parsed.functions[0].cold.items[1].size == 1);
    assert_int_equal(parsed.functions[0].replacement_cold.count, 1);
    assert_int_equal(parsed.functions[1].cold.count, 0);
    hf_manifest_deinit(&parsed);
    hf_manifest_deinit(&m);
}

static void a_host_reads_as_it_was_written(void **state)
{
    struct hf_manifest m;

    (void)state;
    fixture_manifest(&m);
    m.host_name = strdup("httpd");
    m.host_build_id = (struct hf_build_id){.bytes = {1, 2, 3}, .size = 3};
    m.host_symbols = strdup("ap_log ap_log_error apr_pool");
    assert_round_trip(&m);
    assert_string_equal(parsed.host_name, m.host_name);
    assert_int_equal(parsed.host_build_id.size, 3);
    assert_memory_equal(parsed.host_build_id.bytes, m.host_build_id.bytes, 3);
    assert_string_equal(parsed.host_symbols, m.host_symbols);
    hf_manifest_deinit(&parsed);
    hf_manifest_deinit(&m);
}

static void optional_keys_are_absent_when_they_are_empty(void **state)
{
    static const char *const keys[] = {
        "\nexpires = ",       "\nadvisory = ",    "\ndescription = ",   "\nsupersedes = ",
        "\nbuilt-on = ",      "\nhost-name = ",   "\nhost-build-id = ", "\nhost-symbols = ",
        "\nflags = ",         "\nexception = ",   "\nscope = ",         "\nsource = ",
        "\nfixups-offset = ", "\nfixups-size = ", "\non-apply = ",      "\non-revert = "};
    struct hf_manifest m;
    char *text;
    size_t size;

    (void)state;
    fixture_manifest(&m);
    m.expires = HF_TIME_NEVER;
    m.fixups_offset = m.fixups_size = m.on_apply = m.on_revert = 0;
    m.supersedes.count = 0;
    m.description[0] = m.flags[0] = m.functions[0].source[0] = m.functions[1].source[0] = '\0';
    m.checks[1].waiver[0] = m.waivers[0].scope[0] = '\0';
    m.waivers[0].expires = HF_TIME_NEVER;
    free(m.advisory);
    m.advisory = NULL;
    assert_done(hf_manifest_format(&m, &text, &size, ERR));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strstr(text, keys[i]))
            fail_msg("key %s was written", keys[i]);
    free(text);
    assert_round_trip(&m);
    assert_true(parsed.expires == HF_TIME_NEVER && parsed.waivers[0].expires == HF_TIME_NEVER);
    assert_string_equal(parsed.waivers[0].scope, "");
    assert_string_equal(parsed.advisory, "");
    assert_string_equal(parsed.flags, "");
    assert_int_equal(parsed.supersedes.count, 0);
    assert_null(parsed.supersedes.items);
    assert_null(parsed.built_on.items);
    hf_manifest_deinit(&parsed);
    hf_manifest_deinit(&m);
}

/* A name of every length up to the longest, made of bytes that must be escaped, blanks and plain ones. */
static void names_of_16_kib_and_blanks_anywhere_survive(void **state)
{
    static const char pattern[] = "_ZN5boost9_bi6bind_tI v;=#%[]:\"' \xc3\xa9 \xf0\x9f\x98\x80  x";
    char *name = malloc(HF_MANIFEST_MAX_VALUE + 1);
    struct hf_manifest m;

    (void)state;
    fixture_manifest(&m);
    free(m.functions[0].name);
    m.functions[0].name = name;
    for (size_t length = 1; length <= HF_MANIFEST_MAX_VALUE; length = length < 400 ? length + 1 : length * 2 - 1) {
        for (size_t i = 0; i < length; i++)
            name[i] = "ab  c%"[(i * i + i / 7 + length) % 6];
        name[length] = '\0';
        assert_round_trip(&m);
        assert_string_equal(parsed.functions[0].name, name);
        hf_manifest_deinit(&parsed);
    }
    for (size_t i = 0; i < HF_MANIFEST_MAX_VALUE; i++)
        name[i] = pattern[i % (sizeof(pattern) - 1)];
    name[HF_MANIFEST_MAX_VALUE] = '\0';
    /* Ends within a character perhaps: cut there. */
    for (size_t end = HF_MANIFEST_MAX_VALUE; (unsigned char)name[--end] > 0x7f;)
        name[end] = '\0';
    assert_round_trip(&m);
    assert_string_equal(parsed.functions[0].name, name);
    hf_manifest_deinit(&parsed);
    memset(name, ' ', HF_MANIFEST_MAX_VALUE);
    name[HF_MANIFEST_MAX_VALUE] = '\0';
    assert_round_trip(&m);
    assert_string_equal(parsed.functions[0].name, name);
    hf_manifest_deinit(&parsed);
    hf_manifest_deinit(&m);
}

static void as_many_ranges_as_the_limit_are_carried(void **state)
{
    struct hf_manifest m;

    (void)state;
    fixture_manifest(&m);
    fill_ranges(&m.functions[1].replacement_cold, HF_CODE_RANGES_MAX);
    assert_round_trip(&m);
    assert_int_equal(parsed.functions[1].replacement_cold.count, HF_CODE_RANGES_MAX);
    hf_manifest_deinit(&parsed);
    hf_manifest_deinit(&m);
}

static void as_many_functions_as_the_limit_are_carried(void **state)
{
    struct hf_manifest m;
    char name[32];
    char *text = NULL;
    size_t size;

    (void)state;
    fixture_manifest(&m);
    m.functions = reallocarray(m.functions, HF_MANIFEST_MAX_FUNCTIONS + 1, sizeof(*m.functions));
    for (; m.function_count < HF_MANIFEST_MAX_FUNCTIONS; m.function_count++) {
        snprintf(name, sizeof(name), "function_%zu", m.function_count);
        fixture_function(&m.functions[m.function_count], name, 0x1200 + 64 * m.function_count);
    }
    assert_round_trip(&m);
    assert_int_equal(parsed.function_count, HF_MANIFEST_MAX_FUNCTIONS);
    hf_manifest_deinit(&parsed);
    fixture_function(&m.functions[m.function_count++], "one_more", 0x1000000);
    assert_refused(hf_manifest_format(&m, &text, &size, ERR), HOTFIX_INTERNAL,
                   "more than 4096 checks or waivers, or 10000 functions");
    hf_manifest_deinit(&m);
}

static void the_text_of_the_documentation_is_what_is_written(void **state)
{
    static const char expected[] = "[hotfix]\n"
                                   "format = 1\n"
                                   "\n"
                                   "[bundle]\n"
                                   "name = webapp-discount\n"
                                   "version = 1.2.3-1\n";

    (void)state;
    assert_memory_equal(base, expected, strlen(expected));
    assert_non_null(strstr(base, "\ndescription = the discount%3B 50%25 off %231, f%C3%BCr alle\n"));
    assert_non_null(strstr(base,
                           "\n\n[function.2]\nname = calc_total\nsource = src/price.c\noffset = 0x1240\nsize = 64\n"
                           "sha256 = abababababababababababababababababababababababababababababababab\n"
                           "replacement = 0x2380\nreplacement-size = 80\ndetour-skip = 4\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_keys_and_sections_are_named_with_their_line),
        cmocka_unit_test(missing_keys_and_sections_are_named),
        cmocka_unit_test(repeated_and_misplaced_keys_are_named_with_their_line),
        cmocka_unit_test(values_out_of_range_are_named_with_their_line),
        cmocka_unit_test(lists_of_ranges_that_are_none_are_refused),
        cmocka_unit_test(text_that_ini_parsers_read_in_different_ways_is_refused),
        cmocka_unit_test(long_lines_and_names_are_refused_before_a_parser_cuts_them),
        cmocka_unit_test(values_that_are_not_plain_text_are_refused),
        cmocka_unit_test(another_spelling_of_the_same_manifest_is_refused),
        cmocka_unit_test(a_manifest_cut_at_any_byte_is_refused),
        cmocka_unit_test(more_than_the_limits_is_refused),
        cmocka_unit_test(what_parsing_would_refuse_is_not_written),
        cmocka_unit_test(every_field_reads_as_it_was_written),
        cmocka_unit_test(callers_and_assumptions_read_as_they_were_written),
        cmocka_unit_test(what_a_host_is_comes_whole),
        cmocka_unit_test(a_host_reads_as_it_was_written),
        cmocka_unit_test(optional_keys_are_absent_when_they_are_empty),
        cmocka_unit_test(names_of_16_kib_and_blanks_anywhere_survive),
        cmocka_unit_test(as_many_ranges_as_the_limit_are_carried),
        cmocka_unit_test(as_many_functions_as_the_limit_are_carried),
        cmocka_unit_test(the_text_of_the_documentation_is_what_is_written),
    };
    return cmocka_run_group_tests(tests, make_base, drop_base);
}
