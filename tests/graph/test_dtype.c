/* SPDX-License-Identifier: MIT
 *
 * The table of element types against the reference's. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "graph/dtype.h"
#include "tests/support/golden.h"

static int64_t number(const json_t *t, const char *key)
{
    return json_integer_value(json_object_get(t, key));
}

static void check_type(const json_t *t)
{
    int64_t id = number(t, "id");
    const char *name = json_string_value(json_object_get(t, "name"));
    const ogi_dtype *type = ogi_dtype_info(id);
    cr_assert(type && type->id == (og_dtype)id, "type %lld", (long long)id);
    cr_assert(type->removed == json_is_true(json_object_get(t, "removed")), "%s", type->name);
    if (type->removed) return;
    cr_assert(strcasecmp(type->name, name) == 0, "%s, expected %s", type->name, name);
    cr_assert(type->block == number(t, "block_size"), "%s", name);
    cr_assert(type->bytes == number(t, "bytes_per_block"), "%s", name);
    cr_assert(type->is_quantized == json_is_true(json_object_get(t, "is_quantized")), "%s", name);
}

Test(dtype, ids_names_and_sizes_are_those_of_ggml)
{
    char *dir = ogt_kind_dir("quant"), path[4096];
    json_error_t why;
    snprintf(path, sizeof path, "%s/types.json", dir);
    json_t *root = json_load_file(path, 0, &why), *list = json_object_get(root, "types"), *t;
    size_t i;
    cr_assert(root, "%s: %s", path, why.text);
    cr_assert(json_array_size(list) == OGI_DTYPE_FILE_MAX + 1);
    json_array_foreach(list, i, t) check_type(t);
    json_decref(root);
    free(dir);
}

Test(dtype, names_are_found_in_any_case)
{
    cr_assert(ogi_dtype_find(OGI_SV("q4_k")) == ogi_dtype_info(OG_Q4_K));
    cr_assert(ogi_dtype_find(OGI_SV("Q4_K")) == ogi_dtype_info(OG_Q4_K));
    cr_assert(!ogi_dtype_find(OGI_SV("Q4_K_M")) && !ogi_dtype_find(OGI_SV("")));
    cr_assert_str_eq(og_dtype_name(OG_BF16), "BF16");
    cr_assert_str_eq(og_dtype_name((og_dtype)43), "unknown");
}

Test(dtype, bytes_want_whole_blocks_and_no_overflow)
{
    int64_t bytes = 0;
    cr_assert(ogi_dtype_bytes(OG_Q4_0, 64, &bytes) && bytes == 36);
    cr_assert(ogi_dtype_bytes(OG_A8, 64, &bytes) && bytes == 80);
    cr_assert(!ogi_dtype_bytes(OG_Q4_0, 33, &bytes));
    cr_assert(!ogi_dtype_bytes(OG_Q4_0, -32, &bytes));
    cr_assert(!ogi_dtype_bytes(OG_Q4_2, 32, &bytes));
    cr_assert(!ogi_dtype_bytes(43, 32, &bytes));
    cr_assert(!ogi_dtype_bytes(OG_F64, INT64_MAX / 4, &bytes));
}
