# bash completion of oxigraph, printed by tools/manual
_oxigraph()
{
    local word=${COMP_WORDS[COMP_CWORD]} names=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'run inspect sample tokenize template ops archs grammar logits embed rerank perplexity graph bench synth --help --version' -- "$word")
        return
    fi
    case ${COMP_WORDS[1]} in
    run) names='--help -p --prompt -f --file --no-stdin -cnv --conversation -st --single-turn -n --predict --system --chat-template --template-kwargs --raw --heal --beams --length-penalty --no-echo --stop --special --prompt-cache --think --json --logprobs --no-history --device --isa -t --threads --no-mmap --mlock -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip --config --samplers --dry-sequence-breaker --logit-bias --seed -s --temp --temperature --dynatemp-range --dynatemp-exponent --dynatemp-exp --top-k --top-p --min-p --typical-p --typical --tfs-z --top-n-sigma --min-keep --xtc-probability --xtc-threshold --penalty-last-n --repeat-last-n --penalty-repeat --repeat-penalty --penalty-freq --frequency-penalty --penalty-present --presence-penalty --penalize-nl --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n --mirostat --mirostat-tau --mirostat-ent --mirostat-eta --mirostat-lr --adaptive-target --adaptive-decay --grammar --grammar-file --json-schema --json-schema-file --regex --format --constrain-after --tools --tool-choice --tool-exec --tool-yes --tool-timeout --tool-output' ;;
    inspect) names='--help --tensors --tensor -o --output --json --override-kv' ;;
    sample) names='--help --vocab --jsonl --toml --config --samplers --dry-sequence-breaker --logit-bias --seed -s --temp --temperature --dynatemp-range --dynatemp-exponent --dynatemp-exp --top-k --top-p --min-p --typical-p --typical --tfs-z --top-n-sigma --min-keep --xtc-probability --xtc-threshold --penalty-last-n --repeat-last-n --penalty-repeat --repeat-penalty --penalty-freq --frequency-penalty --penalty-present --presence-penalty --penalize-nl --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n --mirostat --mirostat-tau --mirostat-ent --mirostat-eta --mirostat-lr --adaptive-target --adaptive-decay' ;;
    tokenize) names='--help --ids --json --count --jsonl --info --verify --heal -p --text -f --file --no-add-special --no-parse-special --override-kv' ;;
    template) names='--help --messages --tools --template-kwargs --chat-template --no-generation-prompt --now --jsonl --spans --abilities' ;;
    ops) names='--help --json --markdown --header' ;;
    archs) names='--help --json' ;;
    grammar) names='--help --schema --regex --root --vocab --jsonl' ;;
    logits) names='--help --tokens --then --encode --beside --batch --dump-activations --nodes --reverse-pages --via-text -o --output --device --isa -t --threads --no-mmap --mlock -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip' ;;
    embed) names='--help --text --tokens --pooling --raw --json --batch --reverse-pages --via-text -o --output --device --isa -t --threads --no-mmap --mlock -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip' ;;
    rerank) names='--help --query -f --file --json --device --isa -t --threads --no-mmap --mlock -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip' ;;
    perplexity) names='--help --chunk --all --json --device --isa -t --threads --no-mmap --mlock -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip' ;;
    graph) names='--help --after --format --entry --export --embed --plan --kernels --tokens --no-fuse --json -o --output -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip' ;;
    bench) names='--help --shape --type --prefill --decode --context --batch --reps --groups --compare --svg --md --json --device --isa -t --threads --no-mmap --mlock -c --ctx --kv -ctk --cache-type-k -ctv --cache-type-v --override-kv --graph --skip' ;;
    synth) names='--help --shape --type --vocab --seed -o --output' ;;
    esac
    [ "${word#-}" != "$word" ] && mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
}
complete -o default -F _oxigraph oxigraph
