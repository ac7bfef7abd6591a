/* SPDX-License-Identifier: MIT
 *
 * Which template: the one asked for (a name in the file, a built-in one, a path), else the file's
 * for tools if there are tools, else the file's, else chatml with a warning. None is guessed from
 * a model's name. */
#include "text/chat/model.h"

#include "base/file.h"

#define KEY "tokenizer.chat_template"
enum { MAX_FILE = 1 << 20 };

/* What a model without a template is talked to with. */
static const struct builtin {
    const char *name, *source;
} builtins[] = {
    { "chatml",
      "{% for message in messages %}"
      "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
      "{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}" },
};

static bool is_blank(ogi_sv text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!ogi_is_blank(text.p[i])) return false;
    return true;
}

static og_status parse_key(og_ctx *ctx, const ogi_gguf *model, const char *key, bool *found,
                           og_template **out, ogi_buf *name)
{
    ogi_sv source = { NULL, 0 };
    *found = false;
    if (!model || !ogi_gguf_find(model, key)) return OG_OK;
    OG_TRY(ogi_gguf_str(model, key, &source));
    if (is_blank(source)) return OG_OK; /* as good as none: it would swallow all messages */
    *found = true;
    ogi_buf_puts(name, key);
    return og_template_parse(ctx, key, source.n ? source.p : "", source.n, out);
}

static og_status parse_builtin(og_ctx *ctx, const char *choice, bool *found, og_template **out,
                               ogi_buf *name)
{
    *found = false;
    for (int i = 0; i < OGI_LEN(builtins) && !*found; i++) {
        if (strcmp(builtins[i].name, choice)) continue;
        *found = true;
        ogi_buf_puts(name, choice);
        OG_TRY(og_template_parse(ctx, choice, builtins[i].source, strlen(builtins[i].source), out));
    }
    return OG_OK;
}

/* "default, tool_use": the names that the model has. */
static void list_names(const ogi_gguf *model, ogi_buf *out)
{
    for (int64_t i = 0; model && i < ogi_gguf_kv_count(model); i++) {
        ogi_sv key = ogi_gguf_kv_at(model, i)->key;
        if (!ogi_sv_starts(key, OGI_SV(KEY))) continue;
        if (out->n) ogi_buf_puts(out, ", ");
        if (key.n == strlen(KEY))
            ogi_buf_puts(out, "default");
        else if (key.p[strlen(KEY)] == '.')
            ogi_buf_add(out, key.p + strlen(KEY) + 1, key.n - strlen(KEY) - 1);
    }
}

static og_status choose_named(og_ctx *ctx, const ogi_gguf *model, const char *choice,
                              og_template **out, ogi_buf *name)
{
    ogi_buf text = { .ctx = ctx };
    bool found;
    ogi_buf_printf(&text, "%s%s%s", KEY, strcmp(choice, "default") ? "." : "",
                   strcmp(choice, "default") ? choice : "");
    og_status status =
        text.failed ? OG_E_MEMORY : parse_key(ctx, model, ogi_buf_str(&text), &found, out, name);
    if (status == OG_OK && !found) status = parse_builtin(ctx, choice, &found, out, name);
    ogi_buf_free(&text);
    if (status != OG_OK || found) return status;

    status = ogi_file_read(ctx, choice, MAX_FILE, &text);
    ogi_sv source = ogi_sv_skip_bom((ogi_sv){ ogi_buf_str(&text), text.n });
    if (status == OG_OK && is_blank(source)) {
        status =
            ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                     "%s: the chat template is empty; leave it out for the model's own", choice);
    } else if (status == OG_OK) {
        ogi_buf_puts(name, choice);
        status = og_template_parse(ctx, choice, source.p, source.n, out);
    } else if (status == OG_E_IO && !strchr(choice, '/') && !strchr(choice, '.')) {
        /* not a path: say which names there are */
        og_error_clear(ctx);
        ogi_buf names = { .ctx = ctx };
        list_names(model, &names);
        status = ogi_fail(ctx, OG_E_NOT_FOUND, __FILE__, __LINE__,
                          "no chat template '%s': it is neither a name in the model (%s), nor "
                          "built in (chatml), nor a file",
                          choice, names.n ? ogi_buf_str(&names) : "none");
        ogi_buf_free(&names);
    }
    ogi_buf_free(&text);
    return status;
}

og_status ogi_template_choose(og_ctx *ctx, const ogi_gguf *model, const char *choice,
                              bool with_tools, og_template **out, ogi_buf *name)
{
    bool found = false;
    *out = NULL;
    if (choice) return choose_named(ctx, model, choice, out, name);
    if (with_tools) OG_TRY(parse_key(ctx, model, KEY ".tool_use", &found, out, name));
    if (!found) OG_TRY(parse_key(ctx, model, KEY, &found, out, name));
    if (found) return OG_OK;
    ogi_log(ctx, OG_LOG_WARN,
            "%s has no chat template; chatml is used (another: --chat-template NAME|FILE)",
            model ? ogi_gguf_path(model) : "the model");
    return parse_builtin(ctx, "chatml", &found, out, name);
}

/* The token that the model's key names, in tokenizer.ggml.tokens. */
static og_status add_token(const ogi_gguf *model, const char *key, ogi_buf *out)
{
    int64_t id = -1, at = 0;
    const ogi_gguf_kv *tokens;
    OG_TRY(ogi_gguf_int(model, key, &id));
    OG_TRY(ogi_gguf_array(model, "tokenizer.ggml.tokens", OGI_GGUF_STR, &tokens));
    if (!tokens || id < 0 || id >= tokens->n) return OG_OK;
    ogi_sv text = { "", 0 };
    for (int64_t i = 0; i <= id; i++) text = ogi_gguf_str_next(tokens, &at);
    ogi_buf_add(out, text.p, text.n);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

og_status ogi_template_special(og_ctx *ctx, const ogi_gguf *model, ogi_buf *bos, ogi_buf *eos)
{
    (void)ctx;
    if (!model) return OG_OK;
    OG_TRY(add_token(model, "tokenizer.ggml.bos_token_id", bos));
    return add_token(model, "tokenizer.ggml.eos_token_id", eos);
}

og_status ogi_chat_open(og_ctx *ctx, const ogi_gguf *model, const char *choice, bool with_tools,
                        og_chat **out)
{
    ogi_buf name = { .ctx = ctx }, bos = { .ctx = ctx }, eos = { .ctx = ctx };
    og_template *t = NULL;
    *out = NULL;
    og_status status = ogi_template_choose(ctx, model, choice, with_tools, &t, &name);
    if (status == OG_OK) status = ogi_template_special(ctx, model, &bos, &eos);
    if (status == OG_OK) {
        og_chat_options opt = { .name = ogi_buf_str(&name),
                                .bos_token = ogi_buf_str(&bos),
                                .eos_token = ogi_buf_str(&eos) };
        status = og_chat_new(ctx, t, &opt, out);
    } else {
        og_template_free(t);
    }
    ogi_buf_free(&name);
    ogi_buf_free(&bos);
    ogi_buf_free(&eos);
    return status;
}
