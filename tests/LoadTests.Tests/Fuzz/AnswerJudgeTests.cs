using System.Text;
using Fuzz.Contract;
using Fuzz.Judging;
using Fuzz.Making;
using Fuzz.Sending;

namespace LoadTests.Tests.Fuzz;

/// <summary>The judge of answers must find what it is for, and nothing else.</summary>
public sealed class AnswerJudgeTests
{
    private const string Problem = "Content-Type: application/problem+json\r\n";

    private static readonly ApiContract Contract = ApiContract.Load();
    private static readonly AnswerJudge Judge = new(Contract);
    private static readonly ApiOperation Get = Contract.Operations.Single(operation => operation is { Method: "GET", Path: "/v1/collections/{collection}/items/{pk}/{id}" });

    [Theory]
    [InlineData(500, Problem, "{\"code\":\"internal\"}")]
    [InlineData(502, Problem, "{\"code\":\"internal\"}")]
    [InlineData(207, "", "{\"results\":[{\"status\":500,\"error\":{\"code\":\"internal\"}}]}")]
    [InlineData(503, Problem, "{\"code\":\"shard-unavailable\"}")]
    [InlineData(504, Problem, "{}")]
    [InlineData(400, Problem, "{\"code\":\"never-heard-of\"}")]
    [InlineData(400, Problem, "<html>")]
    [InlineData(202, "", "")]
    public void A_wrong_answer_is_found(int status, string header, string body) => Assert.NotNull(JudgeOf(status, header, body));

    [Theory]
    [InlineData(200, "", "{\"code\":\"internal\"}")] // a document may say so
    [InlineData(404, Problem, "{\"code\":\"item-not-found\"}")]
    [InlineData(503, Problem, "{\"code\":\"overloaded\"}")]
    [InlineData(504, Problem, "{\"code\":\"deadline-exceeded\"}")]
    [InlineData(431, "", "")]
    public void A_right_answer_is_none(int status, string header, string body) => Assert.Null(JudgeOf(status, header, body));

    [Fact]
    public void No_answer_is_found_and_so_is_one_too_few()
    {
        Assert.NotNull(Judge.Judge(CaseOf(1), []));
        Assert.NotNull(Judge.Judge(CaseOf(2), [new ReceivedAnswer(200, "HTTP/1.1 200 OK", [], KeepsConnection: true)]));
        Assert.Null(Judge.Judge(CaseOf(2), [new ReceivedAnswer(200, "HTTP/1.1 200 OK", [], KeepsConnection: false)]));
    }

    [Theory]
    [InlineData("HTTP/1.1 500 Internal Server Error\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n\r\n", true)]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", false)]
    [InlineData("HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n", false)]
    [InlineData("", false)]
    public void Answers_to_nobody_knows_what_are_judged_too(string received, bool isWrong) =>
        Assert.Equal(isWrong, AnswerJudge.JudgeUnknown(CaseOf(1), received) is not null);

    [Fact]
    public void One_who_has_no_time_may_hear_that_a_shard_did_not_answer()
    {
        const string Late = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"code\":\"shard-unavailable\"}";

        Assert.NotNull(AnswerJudge.JudgeUnknown(CaseOf(1), Late));
        Assert.Null(AnswerJudge.JudgeUnknown(CaseOf(1) with { Bytes = [.. "GET /x HTTP/1.1\r\nRequest-Timeout: 0.001\r\n"u8] }, Late));
    }

    [Fact]
    public void A_seed_and_a_number_make_the_same_case_and_every_operation_comes_up()
    {
        FuzzCases one = Cases(7), same = Cases(7), other = Cases(8);
        var all = Enumerable.Range(0, 3000).Select(number => one.Make(number)).ToList();

        Assert.All(all.Take(200).Select((made, number) => (made, number)), each => Assert.Equal(each.made.Bytes, same.Make(each.number).Bytes));
        Assert.NotEqual(all[0].Bytes, other.Make(0).Bytes);
        Assert.Equal(Enum.GetValues<CaseKind>(), all.Select(made => made.Kind).Distinct().Order());
        Assert.Equal(Contract.Operations.Count, all.Select(made => made.Request?.Operation).OfType<ApiOperation>().Distinct().Count());
    }

    private static FuzzCases Cases(int seed) => new(new RequestMaker(Contract, new Harvest(), "key"), seed);

    private static FuzzCase CaseOf(int answers) => new(CaseKind.Pipeline, [1], null, answers);

    private static string? JudgeOf(int status, string header, string body) => Judge.Judge(
        new FuzzCase(CaseKind.Request, [1], new FuzzRequest(Get), 1),
        [new ReceivedAnswer(status, $"HTTP/1.1 {status} X\r\n{header}", Encoding.UTF8.GetBytes(body), KeepsConnection: true)]);
}
