# Starts the built service on a free port with an empty store, talks HTTP to it, and ends it with the test.
package Service;
use strict;
use warnings;
use File::Temp;
use IO::Socket::INET;
use POSIX ();

sub start {
    my ($class) = @_;
    my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no free port: $!\n";
    my $self = bless { port => $probe->sockport, directory => File::Temp->newdir }, $class;
    close $probe;
    return $self->_launch;
}

# Ends the process and starts another over the same store.
sub restart {
    my ($self) = @_;
    $self->stop;
    return $self->_launch;
}

# The raw answer to raw bytes.
sub exchange {
    my ($self, $bytes) = @_;
    my $connection = $self->_connect or die "cannot connect: $!\n";
    print {$connection} $bytes;
    shutdown $connection, 1;
    local $/;
    return scalar <$connection>;
}

# Status, headers and body of an answer.
sub ask {
    my ($self, $method, $path, $body) = @_;
    $body //= '';
    my $answer = $self->exchange("$method $path HTTP/1.1\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
    my ($head, $text) = split /\r\n\r\n/, $answer, 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my %headers = map { /^([\w-]+): (.*)$/ ? (lc $1, $2) : () } split /\r\n/, $head;
    chomp $text;
    return ($status, \%headers, $text);
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    local $?;
    waitpid $pid, 0;
}

sub _launch {
    my ($self) = @_;
    $self->{pid} = fork // die "cannot fork: $!\n";
    if ($self->{pid} == 0) {
        POSIX::dup2(2, 1);
        exec 'bin/snip', '--port', $self->{port}, '--store', "$self->{directory}/links.tsv" or POSIX::_exit(127);
    }
    for (1 .. 100) {
        return $self if $self->_connect;
        select undef, undef, undef, 0.05;
    }
    die "the service did not listen within 5 seconds\n";
}

sub _connect {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5);
}

sub DESTROY {
    $_[0]->stop;
}

1;
