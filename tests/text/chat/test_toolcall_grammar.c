/* SPDX-License-Identifier: MIT
 *
 * Tool calls as a constraint: what templates render is accepted, wrong calls are not, and what
 * masks lead to is always a call that is read back. */
#include "text/chat/toolcall_grammar.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/template_meter.h"
#include "tests/support/toolcall_vocab.h"
#include "text/chat/model.h"

static const ogi_toolcall_choice choose_auto = { .kind = OGI_TOOLCALL_AUTO };
static const ogi_toolcall_choice choose_required = { .kind = OGI_TOOLCALL_REQUIRED };

/* ---- what the templates render ---- */

static char *render(const char *source, const char *name, const char *arguments, bool is_text)
{
    static char context[8192];
    char escaped[1024];
    size_t n = 0;
    for (const char *p = arguments; *p; p++) {
        if (*p == '"' || *p == '\\') escaped[n++] = '\\';
        escaped[n++] = *p;
    }
    escaped[n] = 0;
    snprintf(context, sizeof context,
             "{\"bos_token\":\"\",\"eos_token\":\"\",\"tools\":" OGT_TOOLS ",\"messages\":["
             "{\"role\":\"user\",\"content\":\"QUESTION\"},"
             "{\"role\":\"assistant\",\"content\":%s,\"tool_calls\":[{\"id\":\"c00000001\","
             "\"type\":\"function\",\"function\":{\"name\":\"%s\",\"arguments\":%s%s%s}}]}]}",
             is_text ? "null" : "\"\"", name, is_text ? "\"" : "", is_text ? escaped : arguments,
             is_text ? "\"" : "");
    return ogt_render(source, context);
}

typedef struct template_case {
    const char *source;
    const ogi_toolcall_format *f;
    bool is_text; /* arguments are wanted as text */
} template_case;

/* What the assistant says; NULL if the template shows no call. Free with free(). */
static char *said(const template_case *c, const char *name, const char *arguments)
{
    char *text = render(c->source, name, arguments, c->is_text);
    const char *at = strstr(text, "QUESTION");
    if (at && !strcmp(ogi_toolcall_format_name(c->f), "llama")) at = strstr(at, "{\"name\"");
    if (at && c->f->is_prompted) at = strstr(at, c->f->open) + strlen(c->f->open);
    char *copy = at ? strdup(at) : NULL;
    /* this one goes on with instructions, which speak of calls */
    char *end = copy ? strstr(copy, "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>") : NULL;
    if (end) *end = 0;
    free(text);
    return copy;
}

static bool find_format(template_case *c)
{
    for (int i = 0; i < 2 && !c->f; i++) {
        c->is_text = i;
        char *text = render(c->source, "calc", "{\"expr\": \"x\"}", i);
        const char *at = strstr(text, "QUESTION");
        if (at) c->f = ogi_toolcall_detect(ogi_sv_of(at), OGI_SV("calc"));
        free(text);
    }
    return c->f;
}

static const char *const rights[] = {
    "{\"expr\": \"x\"}",
    "{\"expr\": \"{}</tool_call>[<a> \\\"b\\\"\", \"size\": -2}",
    "{\"expr\": \"2 < 3\", \"opts\": {\"strict\": true}, \"tags\": [\"a\", \"b\"]}",
    "{\"expr\": \"\", \"opts\": {}, \"size\": 12, \"tags\": [], \"unit\": \"km\"}",
};
static const char *const wrongs[] = {
    "{\"size\": 1}",
    "{\"expr\": \"x\", \"size\": \"two\"}",
    "{\"expr\": \"x\", \"tags\": [1]}",
    "{\"expr\": \"x\", \"unit\": \"mile\"}",
    "{\"expr\": \"x\", \"other\": 1}",
};

static bool check_template(const char *name, const template_case *c)
{
    ogt_constrained x = ogt_constrain(ogi_toolcall_format_name(c->f), OGT_TOOLS, choose_auto, NULL);
    bool ok = true, complete;
    /* this one writes objects as Python does */
    bool is_python = !strcmp(name, "ByteDance-Seed-OSS");
    for (int i = 0; i < OGI_LEN(rights); i++) {
        if (is_python && i > 1) continue;
        char *text = said(c, "calc", rights[i]);
        size_t taken = ogt_feed_text(x.m, text, &complete);
        bool good = taken == strlen(text) && complete;
        cr_expect(good, "%s (%s): stops before '%s' in '%s'", name, ogi_toolcall_format_name(c->f),
                  text + taken, text);
        ok = ok && good;
        free(text);
    }
    for (int i = 0; i <= OGI_LEN(wrongs); i++) {
        const char *arguments = i < OGI_LEN(wrongs) ? wrongs[i] : rights[0];
        char *text = said(c, i < OGI_LEN(wrongs) ? "calc" : "cald", arguments);
        bool good = ogt_feed_text(x.m, text, &complete) < strlen(text);
        cr_expect(good, "%s (%s): lets '%s' through", name, ogi_toolcall_format_name(c->f), text);
        ok = ok && good;
        free(text);
    }
    char *text = said(c, "calm", "{}");
    bool good = ogt_accepts(x.m, text);
    cr_expect(good, "%s (%s): refuses '%s'", name, ogi_toolcall_format_name(c->f), text);
    free(text);
    ogt_constrained_free(&x);
    return ok && good;
}

Test(toolcall_grammar, calls_as_templates_render_them_fit)
{
    char *dir = ogt_kind_dir("chat_template"), path[1024];
    snprintf(path, sizeof path, "%s/templates", dir);
    ogt_names names = ogt_list(path, ".jinja");
    ogt_count count = { .kind = "grammars of chat templates" };
    for (int i = 0; i < names.n; i++) {
        int64_t size;
        snprintf(path, sizeof path, "%s/templates/%s.jinja", dir, names.name[i]);
        char *source = ogt_read(path, &size);
        source = realloc(source, (size_t)size + 1);
        source[size] = 0;
        template_case c = { .source = source };
        if (find_format(&c)) {
            count.ran++;
            count.passed += check_template(names.name[i], &c);
        } else {
            count.skipped++;
        }
        free(source);
    }
    ogt_names_free(&names);
    free(dir);
    cr_assert(ogt_count_report(&count));
    cr_assert(count.ran >= 40, "%d", count.ran);
}

/* Templates that show no calls: what becomes of the calls in a chat's messages. */
Test(toolcall_grammar, calls_that_become_text_fit)
{
    static const char *const names[] = { "LFM2-8B-A1B", "LFM2.5-Instruct",
                                         "ibm-granite-granite-3.3-2B-Instruct" };
    for (int i = 0; i < OGI_LEN(names); i++) {
        char path[512], messages[2048];
        ogt_meter meter = { 0 };
        og_ctx *ctx = ogt_meter_ctx(&meter);
        og_chat *chat;
        snprintf(path, sizeof path, "%s/tests/data/chat_template/templates/%s.jinja",
                 OGT_SOURCE_DIR, names[i]);
        cr_assert(ogi_chat_open(ctx, NULL, path, false, &chat) == OG_OK, "%s", og_error(ctx));
        const char *format = ogi_toolcall_format_name(ogi_chat_toolcalls(chat));
        ogt_constrained x = ogt_constrain(format, OGT_TOOLS, choose_auto, NULL);
        for (int k = 0; k < OGI_LEN(rights); k++) {
            og_template_text text;
            snprintf(messages, sizeof messages,
                     "[{\"role\":\"user\",\"content\":\"QUESTION\"},{\"role\":\"assistant\","
                     "\"tool_calls\":[{\"function\":{\"name\":\"calc\",\"arguments\":%s}}]}]",
                     rights[k]);
            og_chat_request req = { .messages = messages, .tools = OGT_TOOLS };
            cr_assert(og_chat_render(ctx, chat, &req, &text) == OG_OK, "%s", og_error(ctx));
            const char *said = strstr(text.text, "QUESTION");
            cr_expect(ogt_accepts(x.m, said), "%s: %s", names[i], said);
            ogt_heard h = ogt_read_calls(ogi_chat_toolcalls(chat), said, strlen(said));
            cr_expect(!strcmp(h.name, "calc") && !strcmp(h.arguments, rights[k]), "%s(%s)", h.name,
                      h.arguments);
            og_template_text_free(ctx, &text);
        }
        ogt_constrained_free(&x);
        og_chat_free(chat);
        og_ctx_free(ctx);
    }
}

/* ---- walks through masks ---- */

static bool validates(const ogt_heard *h)
{
    og_ctx *ctx;
    og_grammar *g;
    og_matcher *m;
    if (!strcmp(h->name, "calm")) return !strcmp(h->arguments, "{}");
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_grammar_schema(ctx, OGT_CALC_PARAMETERS, strlen(OGT_CALC_PARAMETERS), NULL, &g) ==
              OG_OK);
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    bool ok = !strcmp(h->name, "calc") && ogt_accepts(m, h->arguments);
    og_matcher_free(m);
    og_grammar_free(g);
    og_ctx_free(ctx);
    return ok;
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* No UTF-8 holds it, which og_matcher_mask_logits would see to; or a byte that the schema's own
 * grammar wants escaped, so that the arguments could not be compared. */
static bool is_broken(int32_t token)
{
    return (token >= OGT_FIRST_BYTE + 0xf5 && token < OGT_FIRST_WORD) ||
           token == OGT_FIRST_BYTE + 0x7f;
}

/* One of the tokens the mask allows, words and marks rather than bytes; -1: none. */
static int32_t pick(const ogt_vocab *v, const uint32_t *bits, uint64_t *seed)
{
    int32_t chosen = -1;
    uint32_t n = 0;
    int32_t first = next_random(seed) % 4 ? OGT_FIRST_WORD : OGT_FIRST_BYTE;
    for (int32_t i = first; i < v->view.n_tokens; i++)
        if (ogt_has_bit(bits, i) && !is_broken(i) && next_random(seed) % ++n == 0) chosen = i;
    for (int32_t i = OGT_FIRST_BYTE; chosen < 0 && i < OGT_FIRST_WORD; i++)
        if (ogt_has_bit(bits, i) && !is_broken(i) && next_random(seed) % ++n == 0) chosen = i;
    return chosen;
}

/* Masks against the slow truth: a clone takes just the tokens that the mask allows. */
static void check_mask(og_ctx *ctx, const ogt_vocab *v, og_matcher *m, const uint32_t *bits)
{
    for (int32_t i = 0; i < v->view.n_tokens; i++) {
        og_matcher *c;
        cr_assert(og_matcher_clone(m, &c) == OG_OK);
        bool takes = og_matcher_accept(c, i) == OG_OK;
        og_error_clear(ctx);
        og_matcher_free(c);
        cr_assert(takes == ogt_has_bit(bits, i), "token %d '%s': %d, the mask says %d", (int)i,
                  v->piece[i], takes, ogt_has_bit(bits, i));
    }
}

/* Walks until the first call is complete; the text is in out. False if that takes too long. */
static bool walk(ogt_constrained *x, const ogt_vocab *v, uint64_t seed, ogi_buf *out)
{
    enum { MAX_STEPS = 3000, CHECKED = 30 };
    bool complete = false;
    og_matcher_reset(x->m);
    for (int step = 0; step < MAX_STEPS && !complete; step++) {
        const uint32_t *bits;
        cr_assert(og_matcher_mask(x->m, &bits) == OG_OK, "%s", og_error(x->ctx));
        cr_assert(!ogt_has_bit(bits, OGT_END_TOKEN), "the end is allowed inside '%s'",
                  ogi_buf_str(out));
        if (seed % 4 == 0 && step % CHECKED == 0) check_mask(x->ctx, v, x->m, bits);
        int32_t token = pick(v, bits, &seed);
        cr_assert(token >= 0, "nothing is allowed behind '%s'", ogi_buf_str(out));
        cr_assert(og_matcher_accept(x->m, token) == OG_OK, "%s", og_error(x->ctx));
        ogi_buf_add(out, v->piece[token], v->n[token]);
        cr_assert(og_matcher_is_complete(x->m, &complete) == OG_OK);
    }
    return complete;
}

static void check_walks(const ogi_toolcall_format *f, const char *tools,
                        bool (*is_right)(const ogt_heard *), bool is_control)
{
    enum { N_WALK = 12 };
    ogt_vocab *v = ogt_vocab_new(f, is_control);
    ogt_constrained x = ogt_constrain(f->name, tools, choose_required, &v->view);
    int n_done = 0;
    for (uint64_t seed = 1; seed <= N_WALK; seed++) {
        ogi_buf text = { 0 };
        text.ctx = x.ctx;
        if (walk(&x, v, seed, &text)) {
            ogt_heard h = ogt_read_calls_of(f, tools, text.p, text.n);
            cr_expect(h.n_call > 0 && is_right(&h), "%s%s: '%s' is read as %d calls, %s(%s)",
                      f->name, is_control ? ", control tokens" : "", text.p, h.n_call, h.name,
                      h.arguments);
            n_done++;
        }
        ogi_buf_free(&text);
    }
    cr_expect(n_done >= N_WALK / 2, "%s: only %d walks came to an end", f->name, n_done);
    ogt_constrained_free(&x);
    free(v);
}

Test(toolcall_grammar, walks_through_masks_write_calls_that_parse)
{
    const ogi_toolcall_format *f;
    for (int i = 0; (f = ogi_toolcall_format_at(i)); i++) {
        check_walks(f, OGT_TOOLS, validates, false);
        check_walks(f, OGT_TOOLS, validates, true);
    }
}

/* Strings with limits. The texts that the pattern allows end in what marks begin with. */
#define LIMITED                                                                                    \
    "[{\"name\":\"limited\",\"parameters\":{\"type\":\"object\",\"properties\":{"                  \
    "\"sized\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":9},"                             \
    "\"matched\":{\"type\":\"string\",\"pattern\":\"^([</|k]|\\n)*[<\\n]$\",\"maxLength\":40},"    \
    "\"maybe\":{\"type\":[\"string\",\"null\"],\"minLength\":1,\"maxLength\":20},"                 \
    "\"either\":{\"anyOf\":[{\"type\":\"string\",\"maxLength\":60,\"pattern\":\"^[k<]\"},{"        \
    "\"type\":\"null\"}]}},"                                                                       \
    "\"required\":[\"sized\",\"matched\",\"maybe\",\"either\"]}}]"

static int letters(const json_t *v)
{
    int n = 0;
    for (const char *p = json_string_value(v); *p; p++) n += ((uint8_t)*p & 0xc0) != 0x80;
    return n;
}

static bool keeps_limits(const ogt_heard *h)
{
    json_t *all = json_loads(h->arguments, 0, NULL);
    json_t *sized = json_object_get(all, "sized"), *matched = json_object_get(all, "matched");
    json_t *maybe = json_object_get(all, "maybe"), *either = json_object_get(all, "either");
    bool ok = json_object_size(all) == 4 && json_is_string(sized) && json_is_string(matched);
    if (ok) {
        const char *text = json_string_value(matched);
        size_t n = strlen(text);
        ok = letters(sized) >= 2 && letters(sized) <= 9 && n > 0 && n <= 40 &&
             strspn(text, "</|k\n") == n && strchr("<\n", text[n - 1]);
    }
    if (json_is_string(maybe))
        ok = ok && letters(maybe) >= 1 && letters(maybe) <= 20;
    else
        ok = ok && json_is_null(maybe);
    const char *text = json_string_value(either);
    ok = ok && (text ? *text == 'k' || *text == '<' : json_is_null(either));
    json_decref(all);
    return ok;
}

Test(toolcall_grammar, walks_keep_the_limits_of_strings)
{
    static const char *const formats[] = { "qwen-xml",   "seed", "minimax", "dsml-functions",
                                           "dsml-tools", "glm",  "gemma",   "hermes" };
    for (int i = 0; i < OGI_LEN(formats); i++) {
        check_walks(ogi_toolcall_format_find(formats[i]), LIMITED, keeps_limits, false);
        check_walks(ogi_toolcall_format_find(formats[i]), LIMITED, keeps_limits, true);
    }
}
