#include <cstdio>
#include <stdexcept>
#include <string>
__attribute__((noinline)) int checked(const std::string &text)
{
    asm volatile("nop; nop; nop; nop; nop");
    if (text.size() < 3) throw std::runtime_error("short"); //NEW
    return (int)text.size();
}
