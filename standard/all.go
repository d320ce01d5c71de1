package standard

// All are the standards, mailseal's own first.
var All = []*Standard{MailSeal, RFC8314}
