using System.Text;
using Chaos.Recording;
using Chaos.Workloads;

namespace LoadTests.Tests.Chaos;

public sealed class ApiAnswerTests
{
    [Theory]
    [InlineData(200, "", nameof(OperationOutcome.Ok))]
    [InlineData(204, "", nameof(OperationOutcome.Ok))]
    [InlineData(404, "", nameof(OperationOutcome.Fail))]
    [InlineData(412, "", nameof(OperationOutcome.Fail))]
    [InlineData(503, "", nameof(OperationOutcome.Fail))]
    [InlineData(504, """{"retryable":true}""", nameof(OperationOutcome.Fail))]
    [InlineData(504, """{"outcome":"unknown"}""", nameof(OperationOutcome.Unknown))]
    [InlineData(502, """{"outcome":"unknown"}""", nameof(OperationOutcome.Unknown))]
    [InlineData(500, "", nameof(OperationOutcome.Unknown))]
    public void An_answers_outcome_is_what_the_api_promises_of_its_status(int status, string body, string outcome) =>
        Assert.Equal(Enum.Parse<OperationOutcome>(outcome), ApiAnswer.OutcomeOf(status, Encoding.UTF8.GetBytes(body)));
}
