#include <cstdio>
#include <stdexcept>
#include <string>
int checked(const std::string &text);
void scenario(const char *when)
{
    printf("%s: ", when);
    try {
        printf("%d\n", checked("ab"));
    } catch (const std::runtime_error &error) {
        printf("caught 2\n");
    }
}
