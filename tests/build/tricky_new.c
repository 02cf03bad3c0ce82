/* SPDX-License-Identifier: Apache-2.0 */
/* A file that the fix brings. */
int new_file_value(int by);

static int new_file_state = 5000;
static const char *const words[] = {"new", "file"};

int new_file_value(int by)
{
    static int calls;
    new_file_state += by + ++calls;
    return new_file_state + words[1][0];
}
