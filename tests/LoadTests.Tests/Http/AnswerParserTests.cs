using System.Text;
using Workbench;

namespace LoadTests.Tests.Http;

public sealed class AnswerParserTests
{
    public static TheoryData<string, int, string, bool> Answers => new()
    {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true },
        { "HTTP/1.1 200 OK\r\ncontent-length:5\r\nX-Other: Content-Length: 7\r\n\r\nhello", 200, "hello", true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true },
        { "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 404, "{}", false },
        { "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", 204, "", true },
        { "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 200\r\n\r\n", 304, "", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", true },
        { "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n2\r\n\r\n\r\n0\r\n\r\n", 200, "aabcdefghijklmnopqrstuvwxyz\r\n", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", true },
        { "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n\n", 200, "\n", true },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void It_reads_an_answer_wherever_it_was_split(string answer, int status, string body, bool keepsConnection)
    {
        var bytes = Encoding.ASCII.GetBytes(answer);
        for (var first = 0; first <= bytes.Length; first++)
            for (var second = first; second <= bytes.Length; second++)
            {
                var received = (byte[])bytes.Clone(); // chunks are put together in place
                var parser = new AnswerParser();
                foreach (var length in (int[])[first, second])
                    if (length < bytes.Length)
                        Assert.False(parser.TryComplete(received.AsSpan(0, length)));

                Assert.True(parser.TryComplete(received));
                Assert.Equal((status, body, keepsConnection), (parser.Status, Encoding.ASCII.GetString(received[parser.Body]), parser.KeepsConnection));
            }
    }

    [Theory]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n")] // until the connection closes: nobody here sends that
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabHTTP/1.1 200 OK\r\n")] // an answer nobody asked for
    public void What_it_cannot_be_sure_of_it_refuses(string answer) =>
        Assert.Throws<WrongAnswerException>(() =>
        {
            var parser = new AnswerParser();
            parser.TryComplete(Encoding.ASCII.GetBytes(answer));
        });
}
