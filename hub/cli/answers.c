#include "hub/cli/answers.h"

#include <assert.h>
#include <stdlib.h>

uint64_t ch_answers_await(ch_answers *answers, uint64_t line)
{
    assert(!ch_answers_are_full(answers));
    uint64_t token = answers->tail++;
    answers->at[token % CH_ANSWERS_MAX].line = line;
    answers->at[token % CH_ANSWERS_MAX].text = NULL;
    return token;
}

uint64_t ch_answers_line(const ch_answers *answers, uint64_t token)
{
    bool awaited =
        token >= answers->head && token < answers->tail && answers->at[token % CH_ANSWERS_MAX].text == NULL;
    return awaited ? answers->at[token % CH_ANSWERS_MAX].line : 0;
}

void ch_answers_settle(ch_answers *answers, uint64_t token, char *text)
{
    if (ch_answers_line(answers, token) == 0) {
        free(text);
        return;
    }
    answers->at[token % CH_ANSWERS_MAX].text = text;
}

void ch_answers_print(ch_answers *answers, FILE *out)
{
    while (answers->head < answers->tail && answers->at[answers->head % CH_ANSWERS_MAX].text != NULL) {
        char *text = answers->at[answers->head++ % CH_ANSWERS_MAX].text;
        fprintf(out, "%s\n", text);
        free(text);
    }
}

void ch_answers_done(ch_answers *answers)
{
    for (; answers->head < answers->tail; answers->head++) {
        free(answers->at[answers->head % CH_ANSWERS_MAX].text);
    }
}
