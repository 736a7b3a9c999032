# Reads one HTTP request from a connection. Refuses what a shortener never needs: long lines, many headers, large bodies.
package Snip::Request;
use strict;
use warnings;

my $longest_line = 4096;
my $most_headers = 64;
my $largest_body = 8192;

# Undefined if what arrives is not a request within the limits.
sub read {
    my ($class, $connection) = @_;
    my $line = _line($connection) // return undef;
    my ($method, $path) = $line =~ m{^([A-Z]+) (/\S*) HTTP/1\.[01]$} or return undef;
    my %headers;
    while (1) {
        $line = _line($connection) // return undef;
        last if $line eq '';
        my ($name, $value) = $line =~ /^([\w-]+):\s*(.*)$/ or return undef;
        $headers{lc $name} = $value;
        return undef if keys %headers > $most_headers;
    }
    my $length = $headers{'content-length'} // 0;
    return undef unless $length =~ /^\d{1,5}$/ && $length <= $largest_body;
    my $body = '';
    while (length $body < $length) {
        CORE::read($connection, $body, $length - length $body, length $body) or return undef;
    }
    return bless { method => $method, path => $path, headers => \%headers, body => $body }, $class;
}

sub _line {
    my ($connection) = @_;
    local $/ = "\n";
    my $line = <$connection>;
    return undef if !defined $line || length $line > $longest_line;
    $line =~ s/\r?\n$//;
    return $line;
}

1;
