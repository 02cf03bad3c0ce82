struct cmd {
    long k;
};
extern const struct cmd __start_cmds[], __stop_cmds[];
