// SPDX-License-Identifier: Apache-2.0
// Takes orders, is fixed while it has one open, and takes the fix back.
#include <cstdio>
#include <exception>

#include <hotfix.h>

#include "order.hh"

static void show(const char *when, shop::Order &order)
{
    std::printf("%s: %ld", when, order.total());
    try {
        order.add("refund", -500);
        std::printf(", a refund is accepted\n");
    } catch (const std::exception &error) {
        std::printf(", %s\n", error.what());
    }
    order.add("refund", 0);
}

int main(int argc, char **argv)
{
    hotfix_options options = HOTFIX_OPTIONS_INIT;
    hotfix_apply_options patient = HOTFIX_APPLY_OPTIONS_INIT;
    hotfix_error error;
    hotfix *fixes;

    options.trust = "trust";
    patient.deadline_ns = 10'000'000'000;
    if (argc != 2 || hotfix_open(&options, &fixes, &error) != 0)
        return 1;
    shop::Order order(std::make_unique<shop::Percent>(15));
    order.add("lamp", 19999);
    show("released", order);

    hotfix_result result = HOTFIX_RESULT_INIT;
    if (hotfix_apply_opt(fixes, argv[1], &patient, &result) != 0) {
        std::printf("refused: %s\n", result.error.message);
        return 1;
    }
    show("fixed", order);
    hotfix_result_deinit(&result);

    if (hotfix_revert_opt(fixes, nullptr, &patient, &result) != 0)
        std::printf("not reverted: %s\n", result.error.message);
    hotfix_result_deinit(&result);
    show("reverted", order);
    hotfix_close(fixes);
    return 0;
}
