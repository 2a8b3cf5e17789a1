package lexical

import "strings"

// stopWords are the function words of both languages, written for questions as
// clinicians ask them. Words that are a function word in one language and a term in
// the other ("die", "not" in "Not-OP") cost nothing: no question rests on them.
var stopWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(germanStop + " " + englishStop) {
		m[w] = true
	}
	return m
}()

// Stop tells whether a lower-case word is a function word.
func Stop(word string) bool { return stopWords[word] }

const germanStop = `
ab aber alle allem allen aller alles als also am an andere anderem anderen anderer anderes anderm andern anders auch
auf aus bei beim bereits bin bis bist da dabei dadurch daher damit dann daran darauf daraus darf darin darüber das dass
davon dazu dein deine deinem deinen deiner dem den denen denn der deren derer des desselben dessen deswegen dich die
dies diese dieselbe dieselben diesem diesen dieser dieses dir doch dort du durch dürfen ein eine einem einen einer eines
einige einigem einigen einiger einiges einmal er erst es etwa etwas euch euer eure für gegen gegebenenfalls geht gemacht
ggf gibt hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem
ins ist ja jede jedem jeden jeder jedes jedoch jene jenem jenen jener jenes jetzt kann kannst können könnte man manche
manchem manchen mancher manches mein meine meinem meinen meiner mich mir mit muss müssen nach nachdem nicht nichts noch
nun nur ob oder ohne sehr sein seine seinem seinen seiner seines seit selbst sich sie sind so solche solchem solchen
solcher solches soll sollen sollte sollten somit sondern sonst sowie sowohl über überhaupt um und uns unser unsere unter
viel vom von vor während war waren warst was weg weil weiter welche welchem welchen welcher welches wenn wer werde werden
wie wieder wieviel will wir wird wo wohl wollen wollte womit worden wurde wurden würde würden zu zum zur zwar zwischen
bzw z b u a d h braucht brauche mache macht tun lassen möglich reicht wann warum wieso
schon vorher nachher gleich zuerst weiterhin immer bekannt fragen frage sinnvoll nötig notwendig erlaubt gut besser beste besten
richtig wichtig genau eigentlich bitte danke lieber statt anstatt außer wegen trotz je mehr wenig weniger stets dennoch falls
sofern sobald solange wohin woher welch nie niemals sagen sagt gelten gilt geben heißt bedeutet steht stehen kommt kommen`

const englishStop = `
a about above after again against all also am an and any are aren as at be because been before being below between both
but by can cannot could did do does doing don done down during each either every few for from further get give given had
has have having he her here hers herself him himself his how however i if in into is isn it its itself just let may me
might more most must my myself neither no nor not of off on once one only onto or other ought our ours ourselves out over
own per rather same shall she should so some such than that the their theirs them themselves then there these they this
those through thus to together too under until up upon us use used uses using very was we were what when where whether
which while who whom whose why will with within without would you your yours yourself yourselves need needs needed
still already yet please good better best right important possible necessary look looking see ask tell know known want like
really actually instead per via ever never often sometimes always much many less least well make makes made get gets got go
goes going come comes take takes taken mean means say says apply applies`
