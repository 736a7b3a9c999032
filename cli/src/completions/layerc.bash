# Completion of layerc for bash. The program itself says what could come next, runs and steps among it.
_layerc() {
    local rest=$COMP_LINE word current place candidate
    local -a words=()
    # bash ends words at colons, which names of steps and images have: what no blank divides is one word.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if ((${#words[@]})) && [[ -n $rest && $rest != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
            rest=${rest#"${rest%%[![:space:]]*}"}
        fi
        rest=${rest#"$word"}
    done
    current=${words[${#words[@]} - 1]}
    # What bash takes for earlier words stays as it is.
    place=
    [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && place=${current%:*}:
    [[ $COMP_WORDBREAKS == *=* && $current == *=* && ${current##*=} != *:* ]] && place=${current%=*}=
    COMPREPLY=()
    while IFS= read -r -d $'\v' candidate; do
        [[ $candidate == "$place"* ]] && COMPREPLY+=("${candidate#"$place"}")
    done < <(
        _CLAP_IFS=$'\v' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) _CLAP_COMPLETE_SPACE=true \
            LAYERC_COMPLETE=bash "${COMP_WORDS[0]}" -- "${words[@]}" 2>/dev/null && printf '\v'
    )
    # A directory or a value still to come is not the end of a word.
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o default -F _layerc layerc
