# A guest for measuring: no kernel. It leaves ring 0 at once, because some hosts emulate that one slowly, and
# then writes to 16 MiB of its memory, page by page, over and over, one word of each, with a byte on the serial line after
# every 16 pages. The first byte of a life is R, the others are dots.

        .code64
        .globl  _start
_start: mov     $0x9000, %eax           # the root of the page tables, as the machine's boot protocol has it
        mov     $0xb000, %edx
        orq     $4, (%rax)              # ring 3 may use all of it
        orq     $4, 0x1000(%rax)
        mov     $512, %ecx
1:      orq     $4, (%rdx)
        add     $8, %rdx
        dec     %ecx
        jnz     1b
        mov     %rax, %cr3
        lgdt    table(%rip)
        pushq   $0x23                   # stack segment of ring 3
        pushq   $0x8000
        pushq   $0x3002                 # flags: ring 3 may use ports
        pushq   $0x1b                   # code segment of ring 3
        lea     ring3(%rip), %rax
        pushq   %rax
        iretq

ring3:  mov     $0x3f8, %edx
        mov     $'R', %al
        out     %al, %dx
again:  mov     $0x2000000, %rdi        # from 32 MiB on
        mov     $256, %ebx
2:      mov     $16, %ecx
3:      incq    (%rdi)
        add     $4096, %rdi
        dec     %ecx
        jnz     3b
        mov     $'.', %al
        out     %al, %dx
        dec     %ebx
        jnz     2b
        jmp     again

        .balign 8
segments:
        .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff
table:  .word   39
        .quad   segments
