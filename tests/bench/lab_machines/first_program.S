# The first and only program of guests whose machine is measured: it makes a mark on the console, goes on to write to so many
# pages of its memory (PAGES), one word of each, and rests (REST_NANOSECONDS) before the next round; with no rest it counts to a
# million, so that it is found doing that at almost any moment. It needs nothing but a
# kernel: no library, no file. The mark goes through the kernel's driver, not to the port: an emulated processor forgets after a
# restore that a program of ring 3 may use ports.

        .text
        .globl  _start
_start: mov     $1, %eax                # write
        mov     $1, %edi
        lea     mark(%rip), %rsi
        mov     $1, %edx
        syscall
        lea     memory(%rip), %rbx
        mov     $PAGES, %ecx
1:      incq    (%rbx)
        add     $4096, %rbx
        dec     %ecx
        jnz     1b
.if REST_NANOSECONDS
        mov     $35, %eax               # nanosleep
        lea     rest(%rip), %rdi
        xor     %esi, %esi
        syscall
.else
        mov     $1000000, %ecx
2:      dec     %ecx
        jnz     2b
.endif
        jmp     _start

        .data
mark:   .byte   1
        .balign 8
rest:   .quad   0, REST_NANOSECONDS

        .bss
        .balign 4096
memory: .skip   PAGES * 4096
