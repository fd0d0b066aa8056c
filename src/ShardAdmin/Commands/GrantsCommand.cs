using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Migrations;

namespace ShardAdmin.Commands;

internal sealed class GrantsCommand : AdminCommand
{
    private readonly Option<bool> _standbys = new("--standbys")
    {
        Description = "A standby may take the shard over: routers get the rights to notice that",
    };

    public GrantsCommand()
        : base(
            "grants",
            "Prints the SQL that makes the roles of a shard: owner, router, mover and reader. Changes nothing. "
            + "Run it in each shard's database, then 'migrate'",
            "shardadmin grants | psql -h 10.0.0.1 -U postgres -d app",
            "shardadmin migrate --database 10.0.0.1:5432/app   # as a member of sharding_owner") =>
        Options.Add(_standbys);

    public override Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var sql = RoleScript.Read(parse.GetValue(_standbys)).TrimEnd();
        session.Output.Write(new { sql }, _ => session.Output.WriteDocument(sql));
        return Task.FromResult(ExitCode.Done);
    }
}
