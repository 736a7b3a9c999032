# A test's few words: is, ok, done. Perl's own Test::More is not part of every installation.
package Check;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(is ok done);

my ($count, $failed) = (0, 0);

sub ok {
    my ($holds, $claim) = @_;
    $count++;
    $failed++ unless $holds;
    print $holds ? "ok $count - $claim\n" : "not ok $count - $claim\n";
    return $holds;
}

sub is {
    my ($found, $expected, $claim) = @_;
    my ($left, $right) = map { defined $_ ? "'$_'" : 'undefined' } $found, $expected;
    ok($left eq $right, $claim) or print "#   found $left\n#   expected $right\n";
}

sub done {
    print "1..$count\n";
    exit($failed ? 1 : 0);
}

1;
